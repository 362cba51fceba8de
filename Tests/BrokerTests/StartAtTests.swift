import DemoKit
import Foundation
import Testing

/// Where a group that has no commit yet starts, with several workers on a real broker.
@Suite(.enabled(if: TestBroker.kind != .none, TestBroker.skipped), .serialized, .sharedBroker)
struct StartAtTests {
    /// Each worker that comes finds the opening commits of those before it, and partitions without a commit.
    @Test("start-at: latest and workers that come one after the other: the backlog is never called")
    func latest() async throws {
        let installation = try await Installation(on: SharedBroker.broker, partitions: 6)
        defer { installation.stub.stop() }
        let old = Set<Int64>(1...300)
        try await installation.publish(old.map { .event(contract: $0) })
        let settings = Installation.Settings(startAt: "latest")
        let first = try installation.worker(settings)
        let second = try installation.worker(settings)
        try await first.reads(3)
        try await second.reads(3)
        let third = try installation.worker(settings)
        try await third.reads(2)
        let new = Set<Int64>(1_000..<1_300)
        try await installation.publish(new.map { .event(contract: $0) })
        try await installation.stub.reached("every new event") { $0.revokeAll.count >= new.count }
        _ = try await installation.everythingCommitted()
        for worker in [first, second, third] { #expect(try await worker.terminate() == .exit(0)) }
        #expect(installation.stub.revoked == new)
    }
}
