import Testing

/// Starts one broker for a suite, for the tests that do not disturb it, and takes it away in the end.
struct SharedBroker: SuiteTrait, TestScoping {
    @TaskLocal private static var current: TestBroker?

    struct Missing: Error {}

    /// The suite's broker.
    static var broker: TestBroker {
        get throws {
            guard let current else { throw Missing() }
            return current
        }
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let broker = try await TestBroker.start()
        do {
            try await Self.$current.withValue(broker) { try await function() }
        } catch {
            try await broker.control("destroy")
            throw error
        }
        try await broker.control("destroy")
    }
}

extension Trait where Self == SharedBroker {
    /// One broker for the whole suite: see `SharedBroker.broker`.
    static var sharedBroker: SharedBroker { SharedBroker() }
}
