import Testing

@testable import Simulator

@Suite struct RecordingTests {
    @Test func readsLines() throws {
        let recording = try Recording(
            text: """
                {"t":10,"member":"a","event":"assign","partitions":[0,1]}

                {"member":"a", "t":20, "event":"commit", "partitions":[0], "result":"stored", "sent":18, "extra":null}
                """)
        #expect(recording.events.count == 2)
        #expect(recording.events[0] == RecordedEvent(time: 10, member: "a", kind: .assign, partitions: [0, 1]))
        #expect(recording.events[1].sent == 18)
        #expect(recording.events[1].result == "stored")
    }

    @Test(arguments: [
        "{", "[]", "{\"t\":1}", "{\"t\":\"1\",\"member\":\"a\",\"event\":\"assign\"}",
        "{\"t\":1,\"member\":\"a\",\"event\":\"dance\"}", "{\"t\":1,\"member\":\"a\",\"event\":\"commit\"}",
        "{\"t\":1,\"member\":\"a\",\"event\":\"commit\",\"result\":\"perhaps\"}",
        "{\"t\":9223372036854775807,\"member\":\"a\",\"event\":\"assign\"}",
        "{\"t\":1,\"member\":\"a\",\"event\":\"commit\",\"result\":\"stored\",\"sent\":-9223372036854775808}",
        "{\"t\":99999999999999999999,\"member\":\"a\",\"event\":\"assign\"}",
        "{\"t\":1,\"member\":\"a\",\"event\":\"assign\"} {}",
    ])
    func refusesText(line: String) {
        #expect(throws: RecordingError.self) { _ = try Recording(text: line) }
    }

    private func event(
        _ time: Int64, _ member: String, _ kind: RecordedEvent.Kind, _ partitions: [Int] = [], _ result: String? = nil,
        sent: Int64? = nil
    ) -> RecordedEvent {
        RecordedEvent(time: time, member: member, kind: kind, partitions: partitions, result: result, sent: sent)
    }

    @Test func acceptsAJoin() {
        let recording = Recording(events: [
            event(0, "a", .start), event(3_000, "a", .assign, [0, 1, 2, 3]), event(3_010, "a", .commit, [0], "stored"),
            event(9_000, "b", .start), event(10_000, "a", .revoke, [0, 1, 2, 3]),
            event(10_500, "a", .commit, [0, 1], "stored"), event(10_600, "a", .assign, [0, 2]),
            event(10_610, "b", .assign, [1, 3]), event(10_700, "b", .commit, [1], "stored"),
        ])
        #expect(CoordinatorModel().refusal(of: recording) == nil)
    }

    @Test func acceptsAKill() {
        let recording = Recording(events: [
            event(0, "a", .assign, [0, 1]), event(10, "b", .assign, [2, 3]), event(1_000, "a", .commit, [0], "stored"),
            // a is killed; its session ends; b is told and gets everything.
            event(16_500, "b", .revoke, [2, 3]), event(16_600, "b", .assign, [0, 1, 2, 3]),
            event(16_700, "b", .commit, [0], "stored"),
        ])
        #expect(CoordinatorModel().accepts(recording))
    }

    @Test func acceptsAPauseThatLoses() {
        let recording = Recording(events: [
            event(0, "a", .assign, [0, 1]), event(5, "b", .assign, [2, 3]), event(17_000, "b", .revoke, [2, 3]),
            event(17_100, "b", .assign, [0, 1, 2, 3]),
            event(30_000, "a", .commit, [0], "fenced", sent: 2_000), event(30_100, "a", .lost, [0, 1]),
            event(31_000, "b", .revoke), event(31_200, "a", .assign, [0, 1]), event(31_201, "b", .assign, [2, 3]),
        ])
        #expect(CoordinatorModel().refusal(of: recording) == nil)
    }

    @Test func acceptsABrokerRestart() {
        // The commit hangs while the broker is away, and is stored when it is back.
        let recording = Recording(events: [
            event(0, "a", .assign, [0]), event(1_000, "a", .commit, [0], "stored"),
            event(17_000, "a", .commit, [0], "failed", sent: 1_500),
            event(20_000, "a", .commit, [0], "stored", sent: 17_500),
        ])
        #expect(CoordinatorModel().accepts(recording))
    }

    @Test func acceptsAnAssignWhileARevokeIsHeld() {
        let recording = Recording(events: [
            event(0, "a", .assign, [0, 1]), event(5_000, "a", .revoke, [0, 1]),
            event(6_000, "a", .assign, [0, 1, 2, 3]),
            event(6_100, "a", .commit, [2], "stored"),
        ])
        #expect(CoordinatorModel().accepts(recording))
    }

    /// librdkafka 2.0.2 joins anew without a revoke when partitions are added while an assign is held.
    @Test func acceptsAnAssignWhileAnAssignIsHeld() {
        let held = Recording(events: [
            event(0, "a", .assign, [0, 1]), event(60_000, "a", .assign, [0, 1, 2, 3]),
            event(60_010, "a", .reading, [0, 1, 2, 3]), event(60_100, "a", .commit, [2], "stored"),
        ])
        #expect(CoordinatorModel().refusal(of: held) == nil)
        // The answer crosses the join, which waits until the other member has drained.
        let crossed = Recording(events: [
            event(0, "a", .assign, [0]), event(1, "b", .assign, [1]), event(2, "a", .reading, [0]),
            event(2, "b", .reading, [1]), event(900, "b", .revoke, [1]), event(7_000, "b", .unassign),
            event(7_010, "a", .assign, [0, 2]), event(7_010, "b", .assign, [1, 3]),
        ])
        #expect(CoordinatorModel().refusal(of: crossed) == nil)
    }

    /// A member that is not the leader joins anew by itself: the others stay in the generation, and commits of it count.
    @Test func acceptsTheSameAssignmentAgain() {
        func events(_ member: String, _ partitions: [Int]) -> [RecordedEvent] {
            [
                event(0, "a", .assign, [0, 1]), event(1, "b", .assign, [2, 3]), event(2, "a", .reading, [0, 1]),
                event(2, "b", .reading, [2, 3]), event(9_000, "b", .revoke, [2, 3]), event(9_010, "b", .unassign),
                event(9_030, "b", .assign, partitions), event(20_000, "a", .commit, [0], "stored"),
                event(20_100, "b", .commit, [2], "stored"), event(30_000, "a", .revoke, [0, 1]),
            ]
        }
        #expect(CoordinatorModel().refusal(of: Recording(events: events("b", [2, 3]))) == nil)
        #expect(CoordinatorModel().refusal(of: Recording(events: events("b", [2])))?.contains("still assigned") == true)
        // One of two is the leader, whose joining anew has the other one join.
        let both = Recording(events: [
            event(0, "a", .assign, [0, 1]), event(1, "b", .assign, [2, 3]), event(2, "a", .reading, [0, 1]),
            event(2, "b", .reading, [2, 3]), event(9_000, "b", .revoke, [2, 3]), event(9_010, "b", .unassign),
            event(9_030, "b", .assign, [2, 3]), event(12_000, "a", .revoke, [0, 1]), event(12_010, "a", .unassign),
            event(12_030, "a", .assign, [0, 1]), event(30_000, "b", .revoke, [2, 3]),
        ])
        #expect(CoordinatorModel().refusal(of: both)?.contains("still assigned") == true)
        // The only member is the leader: it begins a new generation.
        let alone = Recording(events: [
            event(0, "a", .assign, [0, 1]), event(2, "a", .reading, [0, 1]), event(9_000, "a", .revoke),
            event(9_010, "a", .unassign), event(9_030, "a", .assign, [0, 1]),
            event(9_040, "a", .commit, [0], "fenced", sent: 8_999),
        ])
        #expect(CoordinatorModel().refusal(of: alone) == nil)
    }

    @Test func acceptsARefusalInTheMockCluster() {
        let events = [
            event(0, "a", .assign, [0]), event(60_000, "a", .commit, [0], "rebalanceInProgress"),
        ]
        #expect(!CoordinatorModel().accepts(Recording(events: events)))
        #expect(CoordinatorModel(refusesCommitsDuringJoin: true).accepts(Recording(events: events)))
    }

    /// The world's own coordinator and the rules that recordings are held against are the same model.
    @Test func worldsAreAccepted() {
        for seed in UInt64(0)..<40 {
            let recording = Simulation.recording(seed: seed)
            #expect(recording.events.count > 20)
            let refusal = Simulation.coordinator(seed: seed).refusal(of: recording)
            #expect(refusal == nil, "seed \(seed)")
        }
    }

    /// Nothing is known of the times before, and the largest ones can be reckoned with.
    @Test func acceptsALogThatBeginsInTheMiddle() throws {
        for time in [Int64(0), 1 << 52, -(1 << 52)] {
            let text = """
                {"t":\(time),"member":"a","event":"assign","partitions":[0]}
                {"t":\(time),"member":"a","event":"commit","partitions":[0],"result":"stored","sent":\(time)}
                {"t":\(time),"member":"b","event":"commit","partitions":[0],"result":"stored"}
                """
            let refusal = CoordinatorModel(tolerance: 500).refusal(of: try Recording(text: text))
            #expect(refusal?.contains("never had an assignment") == true)
        }
    }

    @Test func refusesTwoOwners() {
        let recording = Recording(events: [
            event(0, "a", .assign, [0, 1]), event(100, "b", .assign, [1]), event(200, "a", .revoke, [0, 1]),
        ])
        #expect(CoordinatorModel().refusal(of: recording)?.contains("still assigned") == true)
    }

    @Test func refusesAStoredCommitOfAnOldEpoch() {
        let recording = Recording(events: [
            event(0, "a", .assign, [0]), event(1_000, "a", .revoke, [0]), event(2_000, "b", .assign, [0]),
            event(2_500, "a", .commit, [0], "stored", sent: 2_400),
        ])
        #expect(CoordinatorModel().refusal(of: recording)?.contains("must be fenced") == true)
    }

    @Test func refusesAnAssignOverAnAssignment() {
        let alone = Recording(events: [
            event(0, "a", .assign, [0]), event(5, "a", .reading, [0]), event(6_000, "a", .assign, [1]),
        ])
        #expect(CoordinatorModel().refusal(of: alone)?.contains("without a revoke") == true)
        // The other member stays in the generation of the first assign.
        let beside = Recording(events: [
            event(0, "a", .assign, [0]), event(0, "b", .assign, [1]), event(5, "a", .reading, [0]),
            event(10, "a", .assign, [2]), event(20_000, "b", .revoke, [1]),
        ])
        #expect(CoordinatorModel().refusal(of: beside)?.contains("without a revoke") == true)
    }

    @Test func refusesAnAnswerToNoAssign() {
        let twice = Recording(events: [
            event(0, "a", .assign, [0]), event(5, "a", .reading, [0]), event(6, "a", .reading, [0]),
        ])
        #expect(CoordinatorModel().refusal(of: twice)?.contains("no assign waits") == true)
        let other = Recording(events: [event(0, "a", .assign, [0, 1]), event(5, "a", .reading, [0, 2])])
        #expect(CoordinatorModel().refusal(of: other)?.contains("was not assigned") == true)
        let part = Recording(events: [event(0, "a", .assign, [0, 1]), event(5, "a", .reading, [0])])
        #expect(CoordinatorModel().refusal(of: part) == nil)
    }

    @Test func refusesAPartOfARevoke() {
        let recording = Recording(events: [event(0, "a", .assign, [0, 1]), event(10, "a", .revoke, [0])])
        #expect(!CoordinatorModel().accepts(recording))
    }

    @Test func refusesARevokeOfNothing() {
        #expect(!CoordinatorModel().accepts(Recording(events: [event(10, "a", .revoke, [0])])))
    }

    @Test func refusesAForeignCommit() {
        let recording = Recording(events: [event(0, "a", .assign, [0]), event(10, "a", .commit, [5], "stored")])
        #expect(!CoordinatorModel().accepts(recording))
    }

    @Test func refusesAFencedNewestGeneration() {
        let recording = Recording(events: [event(0, "a", .assign, [0]), event(10, "a", .commit, [0], "fenced")])
        #expect(!CoordinatorModel().accepts(recording))
    }

    @Test func refusesTimeThatGoesBack() {
        let recording = Recording(events: [event(10, "a", .assign, [0]), event(5, "a", .revoke, [0])])
        #expect(!CoordinatorModel().accepts(recording))
    }

    @Test func refusesWordsAfterALeave() {
        let recording = Recording(events: [
            event(0, "a", .assign, [0]), event(5, "a", .leave), event(9, "a", .commit, [0], "stored"),
        ])
        #expect(!CoordinatorModel().accepts(recording))
    }
}
