// swift-tools-version: 6.0
import PackageDescription

// Draws house fronts and their label maps: data for a first try, apart from the program that trains on them. Its tests
// are in ../Tests/SamplePairsTests, so that one command runs all tests.
let package = Package(
  name: "SamplePairs",
  products: [.library(name: "SamplePairs", targets: ["SamplePairs"])],
  targets: [
    // Square roots of Floats come from the C library, which the target imports nothing else of.
    .target(name: "SamplePairs", linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))])
  ],
  swiftLanguageModes: [.v6]
)
