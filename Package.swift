// swift-tools-version: 6.1
import PackageDescription

// For targets that leave loops over pixels, parameters and other values to the others. Optimising Model alone takes 20 of the
// 100 s of a clean build.
let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"], .when(configuration: .release))]
// For CLBackend, whose kernels compute: a tenth of a clean build less.
let optimizedForSize: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// The commit that --version names; scripts/package says it.
let commit = Context.environment["PIX2PIX_COMMIT"] ?? ""

let package = Package(
  name: "pix2pix",
  products: [
    .executable(name: "pix2pix", targets: ["pix2pix"])
  ],
  traits: [
    .default(enabledTraits: ["Protobuf", "Serve", "YAML"]),
    .trait(
      name: "Protobuf",
      description: "ONNX models and TensorBoard's event files, through swift-protobuf"),
    .trait(name: "Serve", description: "The server of pix2pix serve, through Hummingbird"),
    .trait(name: "YAML", description: "Options from YAML files, through Yams"),
  ],
  dependencies: [
    // The standard command-line parser: help, usage errors (exit code 64), completions.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    // Messages of ONNX and TensorBoard.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    // Templates that escape what they show, for pages.
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    // YAML files of options.
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    // HTTP: parsing, connections and their timeouts, streamed answers. Without what reads configuration files.
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    // Hummingbird's own: logging, which is switched off, threads for connections, and the orderly stop.
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(path: "SamplePairs"),
  ],
  targets: [
    .systemLibrary(
      name: "COpenCL", pkgConfig: "OpenCL", providers: [.apt(["ocl-icd-opencl-dev", "opencl-headers"])]),
    // im2col + SGEMM is what our kernels are measured against, and a candidate of the tuner.
    .systemLibrary(name: "CCLBlast", pkgConfig: "clblast", providers: [.apt(["libclblast-dev"])]),
    .systemLibrary(name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CLibJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
    // Singular values, for the Fréchet distance: an iterative algorithm that is better taken than written.
    .systemLibrary(name: "CLAPACK", pkgConfig: "lapacke", providers: [.apt(["liblapacke-dev"])]),
    // Checksums of zip archives.
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CJPEG", dependencies: ["CLibJPEG"]),
    .target(name: "CPNG", dependencies: ["CLibPNG"]),
    // The OpenCL sources in Kernels/ as strings.
    .target(name: "CKernels"),
    .target(name: "Kernels", dependencies: ["CKernels"]),
    // The files of pages in Web/, and their templates.
    .target(name: "CWeb"),
    .target(name: "Web", dependencies: ["CWeb", .product(name: "Mustache", package: "swift-mustache")]),
    // A target of its own, so that another commit compiles one line.
    .target(name: "CVersion", cSettings: [.define("PIX2PIX_COMMIT", to: "\"\(commit)\"")]),
    .target(name: "Random"),
    // Reading and writing files without harm to the user's.
    .target(name: "Files", dependencies: ["CZlib"], swiftSettings: unoptimized),
    // Reading and writing what torch.save writes.
    .target(name: "PyTorchFiles", dependencies: ["CZlib", "Files"]),
    .target(name: "Tape", dependencies: ["Random"]),
    .target(name: "OperationCases", dependencies: ["Random", "Tape"], path: "Tests/OperationCases"),
    .target(
      name: "CLBackend", dependencies: ["Files", "Random", "Tape", "CCLBlast", "COpenCL", "Kernels"],
      swiftSettings: optimizedForSize),
    .target(name: "Images", dependencies: ["Files", "Random", "CJPEG", "CPNG"]),
    .target(name: "ImageMetrics", dependencies: ["Random", "Images", "CLAPACK"]),
    .target(
      name: "Model", dependencies: ["Files", "Random", "Tape", "Images", "ImageMetrics", "Web"],
      swiftSettings: unoptimized),
    // Other programs' formats, in protocol buffers. Without the trait Protobuf it says how to build with it.
    .target(
      name: "Interchange",
      dependencies: [
        "Files", "Tape", "Images", "Model",
        .product(name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["Protobuf"])),
      ],
      exclude: ["Protos"], swiftSettings: unoptimized),
    // Pages and the API of serve. Without the trait Serve it says how to build with it.
    .target(
      name: "Server",
      dependencies: [
        "Files", "Images", "ImageMetrics", "Model", "Tape", "Web",
        .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Serve"])),
        .product(name: "HummingbirdCore", package: "hummingbird", condition: .when(traits: ["Serve"])),
        .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Serve"])),
        .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Serve"])),
        .product(
          name: "ServiceLifecycle", package: "swift-service-lifecycle", condition: .when(traits: ["Serve"])),
      ], swiftSettings: unoptimized),
    .executableTarget(
      name: "pix2pix",
      dependencies: [
        "CVersion", "Files", "Tape", "CLBackend", "Images", "Interchange", "ImageMetrics", "Model",
        "PyTorchFiles",
        "Random", "Server",
        .product(name: "SamplePairs", package: "SamplePairs"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams", condition: .when(traits: ["YAML"])),
      ],
      path: "Sources/CLI", swiftSettings: unoptimized),
    .testTarget(
      name: "TapeTests", dependencies: ["OperationCases", "Random", "Tape"], resources: [.copy("Fixtures")],
      swiftSettings: unoptimized),
    .testTarget(
      name: "CLBackendTests",
      dependencies: ["CLBackend", "Files", "Images", "Kernels", "Model", "OperationCases", "Random", "Tape"],
      swiftSettings: unoptimized),
    .testTarget(
      name: "PyTorchFilesTests", dependencies: ["Files", "PyTorchFiles"], resources: [.copy("Fixtures")],
      swiftSettings: unoptimized),
    .testTarget(name: "FilesTests", dependencies: ["Files"], swiftSettings: unoptimized),
    .testTarget(
      name: "ImagesTests", dependencies: ["Files", "Images", "Random"], resources: [.copy("Fixtures")],
      swiftSettings: unoptimized),
    .testTarget(
      name: "ImageMetricsTests", dependencies: ["Images", "ImageMetrics"], resources: [.copy("Fixtures")],
      swiftSettings: unoptimized),
    .testTarget(name: "WebTests", dependencies: ["Web"], swiftSettings: unoptimized),
    .testTarget(
      name: "SamplePairsTests", dependencies: [.product(name: "SamplePairs", package: "SamplePairs")],
      swiftSettings: unoptimized),
    .testTarget(
      name: "ModelTests",
      dependencies: ["Files", "Images", "ImageMetrics", "Model", "OperationCases", "Random", "Tape"],
      resources: [.copy("Fixtures")],
      swiftSettings: unoptimized),
    .testTarget(
      name: "InterchangeTests",
      dependencies: ["Files", "Images", "Interchange", "ImageMetrics", "Model", "Tape"],
      swiftSettings: unoptimized),
    .testTarget(
      name: "ServerTests", dependencies: ["Images", "Model", "Server", "Tape"], swiftSettings: unoptimized),
    .testTarget(
      name: "CLITests", dependencies: ["pix2pix", "Files", "Images", "Model"], swiftSettings: unoptimized),
  ],
  swiftLanguageModes: [.v6]
)
