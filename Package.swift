// swift-tools-version: 6.3
import PackageDescription

/// Every Swift target is compiled with the same strict settings; a warning is an error.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let strictC: [CSetting] = [
    .enableWarning("all"),
    .enableWarning("extra"),
    .treatAllWarnings(as: .error),
]

func swiftTarget(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func shims(_ name: String, _ dependency: Target.Dependency) -> Target {
    .target(name: name, dependencies: [dependency], cSettings: strictC)
}

let package = Package(
    name: "revoke-worker",
    products: [
        .executable(name: "revoke-worker", targets: ["revoke-worker"]),
        .library(name: "RevokeClient", targets: ["RevokeClient", "RevokeModel"]),
    ],
    targets: [
        // System libraries: each has a module map of our own and exactly one importing Swift target.
        .systemLibrary(
            name: "CRdKafka", pkgConfig: "rdkafka",
            providers: [.apt(["librdkafka-dev"]), .brew(["librdkafka"])]),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"]), .brew(["curl"])]),
        .systemLibrary(
            name: "CUV", pkgConfig: "libuv",
            providers: [.apt(["libuv1-dev"]), .brew(["libuv"])]),
        .systemLibrary(
            name: "CMicrohttpd", pkgConfig: "libmicrohttpd",
            providers: [.apt(["libmicrohttpd-dev"]), .brew(["libmicrohttpd"])]),
        .systemLibrary(
            name: "CYAML", pkgConfig: "yaml-0.1",
            providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),

        // Typed C functions for what Swift cannot call, one target for each library.
        shims("CRdKafkaShims", "CRdKafka"),
        shims("CCurlShims", "CCurl"),
        shims("CUVShims", "CUV"),
        shims("CMicrohttpdShims", "CMicrohttpd"),
        .target(name: "CProcessShims", cSettings: strictC),

        swiftTarget("RevokeModel"),
        swiftTarget("RevokeEngine", ["RevokeModel"]),
        swiftTarget("JSON"),
        swiftTarget("RevokeEvents", ["RevokeModel", "JSON"]),
        swiftTarget("Threads"),
        swiftTarget("EventLoop", ["CUV", "CUVShims", "Threads"]),
        swiftTarget("Kafka", ["CRdKafka", "CRdKafkaShims", "EventLoop", "Threads"]),
        swiftTarget("Curl", ["CCurl", "CCurlShims", "EventLoop", "Threads"]),
        swiftTarget("RevokeClient", ["RevokeModel", "Curl", "JSON", "EventLoop", "Threads"]),
        swiftTarget("HTTPServer", ["CMicrohttpd", "CMicrohttpdShims", "Threads"]),
        swiftTarget("Configuration", ["CYAML", "RevokeModel"]),
        swiftTarget(
            "RevokeWorker",
            [
                "RevokeModel", "RevokeEngine", "RevokeEvents", "JSON", "EventLoop", "Kafka", "RevokeClient",
                "HTTPServer", "Configuration", "Curl", "CProcessShims", "Threads",
            ]),
        swiftTarget(
            "DemoKit",
            [
                "RevokeWorker", "RevokeModel", "HTTPServer", "Kafka", "RevokeEvents", "RevokeClient", "RevokeEngine",
                "Configuration", "EventLoop", "JSON", "Threads",
            ]),
        .executableTarget(
            name: "revoke-worker",
            dependencies: ["RevokeWorker", "DemoKit", "Configuration", "Curl"],
            swiftSettings: strict),
        swiftTarget("Simulator", ["RevokeEngine", "RevokeModel", "RevokeEvents", "JSON"]),
        .executableTarget(
            name: "revoke-worker-simulate", dependencies: ["Simulator"], swiftSettings: strict),
        .executableTarget(
            name: "client-example", dependencies: ["RevokeClient", "RevokeModel"], path: "Sources/ClientExample",
            swiftSettings: strict),

        .target(name: "WorkerTestKit", dependencies: ["Threads"], path: "Tests/WorkerTestKit", swiftSettings: strict),
        tests("RevokeModelTests", ["RevokeModel"]),
        tests("RevokeEngineTests", ["RevokeEngine", "RevokeModel"]),
        tests("JSONTests", ["JSON"]),
        tests("RevokeEventsTests", ["RevokeEvents", "RevokeModel", "JSON"]),
        tests("EventLoopTests", ["EventLoop", "Threads"]),
        tests("KafkaTests", ["Kafka", "EventLoop"]),
        tests("CurlTests", ["Curl", "CCurlShims", "EventLoop", "WorkerTestKit"]),
        tests(
            "RevokeClientTests",
            ["RevokeClient", "Curl", "RevokeModel", "EventLoop", "WorkerTestKit", "client-example"]),
        tests("HTTPServerTests", ["HTTPServer", "WorkerTestKit"]),
        tests("ConfigurationTests", ["Configuration"]),
        tests("DemoKitTests", ["DemoKit", "HTTPServer", "Configuration", "WorkerTestKit"]),
        tests(
            "RevokeWorkerTests",
            [
                "RevokeWorker", "DemoKit", "Kafka", "WorkerTestKit", "Configuration", "EventLoop", "RevokeEngine",
                "RevokeModel", "RevokeClient", "RevokeEvents", "HTTPServer", "Threads",
            ]),
        tests(
            "BrokerTests", ["DemoKit", "EventLoop", "Kafka", "Simulator", "RevokeWorker", "Configuration", "Threads"]),
        tests("SimulatorTests", ["Simulator", "RevokeEngine", "RevokeModel"], exclude: ["Recordings"]),
    ]
)
