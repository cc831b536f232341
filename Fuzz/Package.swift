// swift-tools-version: 6.0
import PackageDescription

// The program's own sources, by links, compiled for libFuzzer: every branch of a reader counts, and the address sanitizer
// watches over all of it. A package of its own, so that the program's needs none of this.

/// Code whose branches lead the fuzzer. Tests' access, since some readers have no other door.
let led: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing", "-O"])]
let doors: [CSetting] = [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])]
/// Code that readers only call.
let watched: [SwiftSetting] = [.unsafeFlags(["-sanitize=address", "-O"])]
/// libFuzzer has the main function.
let fuzzers: [SwiftSetting] = led + [.unsafeFlags(["-parse-as-library"])]
let linked: [LinkerSetting] = [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]

let package = Package(
  name: "Fuzz",
  dependencies: [.package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1")],
  targets: [
    .systemLibrary(name: "COpenCL", path: "Linked/COpenCL", pkgConfig: "OpenCL"),
    .systemLibrary(name: "CCLBlast", path: "Linked/CCLBlast", pkgConfig: "clblast"),
    .systemLibrary(name: "CLibPNG", path: "Linked/CLibPNG", pkgConfig: "libpng"),
    .systemLibrary(name: "CLibJPEG", path: "Linked/CLibJPEG", pkgConfig: "libjpeg"),
    .systemLibrary(name: "CLAPACK", path: "Linked/CLAPACK", pkgConfig: "lapacke"),
    .systemLibrary(name: "CZlib", path: "Linked/CZlib", pkgConfig: "zlib"),
    .target(name: "CJPEG", dependencies: ["CLibJPEG"], path: "Linked/CJPEG", cSettings: doors),
    .target(name: "CPNG", dependencies: ["CLibPNG"], path: "Linked/CPNG", cSettings: doors),
    .target(name: "CKernels", path: "Linked/CKernels"),
    .target(name: "Kernels", dependencies: ["CKernels"], path: "Linked/Kernels", swiftSettings: watched),
    .target(name: "CWeb", path: "Linked/CWeb"),
    .target(
      name: "Web", dependencies: ["CWeb", .product(name: "Mustache", package: "swift-mustache")],
      path: "Linked/Web", swiftSettings: watched),
    .target(name: "Random", path: "Linked/Random", swiftSettings: watched),
    .target(name: "Files", dependencies: ["CZlib"], path: "Linked/Files", swiftSettings: watched),
    .target(
      name: "PyTorchFiles", dependencies: ["CZlib", "Files"], path: "Linked/PyTorchFiles", swiftSettings: led),
    .target(name: "Tape", dependencies: ["Random"], path: "Linked/Tape", swiftSettings: watched),
    .target(
      name: "CLBackend", dependencies: ["Files", "Random", "Tape", "CCLBlast", "COpenCL", "Kernels"],
      path: "Linked/CLBackend", swiftSettings: led),
    .target(
      name: "Images", dependencies: ["Files", "Random", "CJPEG", "CPNG"], path: "Linked/Images",
      swiftSettings: led),
    .target(
      name: "ImageMetrics", dependencies: ["Random", "Images", "CLAPACK"], path: "Linked/ImageMetrics",
      swiftSettings: watched),
    .target(
      name: "Model", dependencies: ["Files", "Random", "Tape", "Images", "ImageMetrics", "Web"],
      path: "Linked/Model",
      swiftSettings: led),
    .target(name: "FuzzInput", path: "Targets/FuzzInput", swiftSettings: watched),
    .executableTarget(
      name: "pictures", dependencies: ["FuzzInput", "Images"], path: "Targets/pictures",
      swiftSettings: fuzzers,
      linkerSettings: linked),
    .executableTarget(
      name: "models", dependencies: ["FuzzInput", "Images", "ImageMetrics", "Model", "Tape"],
      path: "Targets/models", swiftSettings: fuzzers, linkerSettings: linked),
    .executableTarget(
      name: "pytorch", dependencies: ["Files", "FuzzInput", "PyTorchFiles"], path: "Targets/pytorch",
      swiftSettings: fuzzers, linkerSettings: linked),
    .executableTarget(
      name: "kernels", dependencies: ["CLBackend", "FuzzInput"], path: "Targets/kernels",
      swiftSettings: fuzzers, linkerSettings: linked),
  ],
  swiftLanguageModes: [.v6]
)
