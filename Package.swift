// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "pix2pix",
  products: [
    .executable(name: "pix2pix", targets: ["pix2pix"])
  ],
  dependencies: [
    // The standard command-line parser: help, usage errors (exit code 64), completions.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "COpenCL", pkgConfig: "OpenCL", providers: [.apt(["ocl-icd-opencl-dev", "opencl-headers"])]),
    .systemLibrary(name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    .target(name: "CPNG", dependencies: ["CLibPNG"]),
    .target(
      name: "Kernels", path: "Kernels",
      resources: [
        .embedInCode("layout.clh"),
        .embedInCode("adam.cl"),
        .embedInCode("convolution_cpu.cl"),
        .embedInCode("convolution_gpu.cl"),
        .embedInCode("elementwise.cl"),
        .embedInCode("loss.cl"),
        .embedInCode("norm.cl"),
        .embedInCode("packing.cl"),
        .embedInCode("weight_gradient_cpu.cl"),
        .embedInCode("weight_gradient_gpu.cl"),
      ]),
    .target(name: "Tape"),
    .target(name: "CLBackend", dependencies: ["Tape", "COpenCL", "Kernels"]),
    .target(name: "Images", dependencies: ["CPNG", "CTurboJPEG"]),
    // Pure Swift, without Foundation to bring the library along: square roots are libm's sqrtf.
    .target(name: "SamplePairs", linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    .target(name: "Model", dependencies: ["Tape", "Images"]),
    .executableTarget(
      name: "pix2pix",
      dependencies: [
        "Tape", "CLBackend", "Images", "Model",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/CLI"),
    .testTarget(name: "TapeTests", dependencies: ["Tape"]),
    .testTarget(name: "CLBackendTests", dependencies: ["CLBackend", "Tape"]),
    .testTarget(name: "ImagesTests", dependencies: ["Images"]),
    .testTarget(name: "SamplePairsTests", dependencies: ["SamplePairs"]),
    .testTarget(name: "ModelTests", dependencies: ["Model"]),
    .testTarget(name: "CLITests"),
  ],
  swiftLanguageModes: [.v6]
)
