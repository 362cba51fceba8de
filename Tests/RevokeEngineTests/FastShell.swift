import RevokeModel

@testable import RevokeEngine

/// A shell without checks, for many events: each call is answered 204 and each commit stored at once.
struct FastShell {
    var engine: Engine
    var now = Instant(boot: 1_000_000, wall: 1_800_000_000_000)
    /// Calls for this contract stay open.
    let stuck: Int64?
    private(set) var settled = 0
    private(set) var calls = 0
    private(set) var commits = 0
    private(set) var committed: CommitPart?
    private var actions: [EngineAction] = []
    private var nextOffsets: [Int64]
    private var next: UInt64 = 0

    init(stuck: Int64? = nil, partitions: Int = 1, _ configure: (inout EngineConfiguration) -> Void = { _ in }) {
        var configuration = EngineConfiguration()
        configuration.budget = []
        configuration.concurrency = 64
        configure(&configuration)
        self.stuck = stuck
        nextOffsets = Array(repeating: 0, count: partitions)
        engine = Engine(configuration: configuration, seed: 1, now: now)
        engine.assigned(
            (0..<Int32(partitions)).map {
                AssignedPartition(
                    partition: $0, committedOffset: nil, metadata: [], log: LogEnds(start: 0, end: 0), startOffset: 0)
            }, topicPartitions: partitions, rebalance: 1, now: now)
        turn()
    }

    /// The engine reads an event.
    mutating func read(contract: Int64, on partition: Int = 0) {
        next += 1
        let facts = EventFacts(
            contract: id(contract), identity: EventIdentity(high: 0, low: next), earliestTime: now.wall)
        engine.received(
            ReceivedRecord(
                partition: Int32(partition), offset: nextOffsets[partition], token: UInt32(truncatingIfNeeded: next),
                size: 300, fingerprint: next, content: .event(facts)), now: now)
        nextOffsets[partition] += 1
    }

    /// Turns until nothing is left to answer.
    mutating func turn() {
        var hasAnswered = true
        while hasAnswered {
            hasAnswered = false
            engine.turn(now: now)
            engine.takeActions(into: &actions)
            for action in actions {
                switch action {
                case .startCall(let call, let contract, _) where contract.value != stuck:
                    calls += 1
                    engine.callFinished(call, .revoked, sentAt: now.boot, now: now)
                    hasAnswered = true
                case .commit(let commit, let parts):
                    commits += 1
                    committed = parts.first
                    engine.commitFinished(
                        commit, parts.map { CommitPartResult(partition: $0.partition, result: .stored) }, now: now)
                    hasAnswered = true
                case .settled: settled += 1
                default: break
                }
            }
        }
    }
}
