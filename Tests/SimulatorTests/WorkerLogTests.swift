import Testing

@testable import Simulator

@Suite struct WorkerLogTests {
    private static func line(_ second: String, _ message: String, _ fields: String = "") -> String {
        #"{"time":"2026-02-28T23:59:\#(second)Z","level":"debug","message":"\#(message)"\#(fields)}"#
    }

    @Test func readsALife() throws {
        let text = [
            Self.line("50.000", "starting", #","version":"0.1.0","library":"a \"b\" \u00e9\n""#),
            Self.line("51.000", "assigned", #","partitions":"0,1,2""#),
            Self.line("51.250", "reading", #","partitions":"0,1,2""#),
            Self.line("51.300", "committed", #","partitions":"0,1","duration_ms":7"#),
            Self.line("51.400", "event revoked", #","partition":0,"offset":5,"event_to_204_ms":3"#),
            Self.line("51.500", "commit failed", #","partitions":"2","code":"ILLEGAL_GENERATION","duration_ms":20"#),
            Self.line("51.600", "nothing to commit", #","partitions":"2","duration_ms":1"#),
            Self.line("52.000", "revoked", #","partitions":"0,1,2""#),
            Self.line("52.100", "commit not sent", #","partitions":"0","code":"_STATE""#),
            Self.line("53.000", "unassigned"),
            Self.line("54.000", "assigned", #","partitions":"""#),
            Self.line("55.000", "assignment lost", #","partitions":"""#),
            Self.line("55.001", "stopped", #","status":0"#),
        ].joined(separator: "\n")
        let recording = try Recording(logs: [WorkerLog(name: "a", text: text)])
        func event(
            _ time: Int64, _ kind: RecordedEvent.Kind, _ partitions: [Int] = [], _ result: String? = nil,
            sent: Int64? = nil
        ) -> RecordedEvent {
            RecordedEvent(time: time, member: "a", kind: kind, partitions: partitions, result: result, sent: sent)
        }
        #expect(
            recording.events == [
                event(0, .start), event(1_000, .assign, [0, 1, 2]), event(1_250, .reading, [0, 1, 2]),
                event(1_300, .commit, [0, 1], "stored", sent: 1_293),
                event(1_500, .commit, [2], "fenced", sent: 1_480),
                event(1_600, .commit, [2], "nothingToDo", sent: 1_599), event(2_000, .revoke, [0, 1, 2]),
                event(2_100, .commit, [0], "failed", sent: 2_100), event(3_000, .unassign), event(4_000, .assign),
                event(5_000, .lost), event(5_001, .leave),
            ])
        // The only member is in the newest generation.
        #expect(CoordinatorModel().refusal(of: recording)?.contains("event 5 (commit of a at 1500 ms)") == true)
        let rest = Recording(events: recording.events.filter { $0.result != "fenced" })
        #expect(CoordinatorModel().refusal(of: rest) == nil)
    }

    @Test(arguments: [
        ("ILLEGAL_GENERATION", "fenced"), ("UNKNOWN_MEMBER_ID", "fenced"), ("FENCED_INSTANCE_ID", "fenced"),
        ("REBALANCE_IN_PROGRESS", "rebalanceInProgress"), ("OFFSET_METADATA_TOO_LARGE", "metadataTooLarge"),
        ("_WAIT_COORD", "failed"),
    ])
    func knowsTheCodes(code: String, result: String) throws {
        let text = Self.line("50.000", "commit failed", #","partitions":"1","code":"\#(code)","duration_ms":5"#)
        #expect(try Recording(logs: [WorkerLog(name: "a", text: text)]).events.map(\.result) == [result])
    }

    @Test func mergesMembersAndCountsLives() throws {
        let one = [Self.line("50.000", "starting"), Self.line("52.000", "starting")].joined(separator: "\n") + "\n"
        let two = Self.line("51.000", "starting") + "\n{\"time\":\"2026-03-01T00:00:00.5"
        let recording = try Recording(logs: [WorkerLog(name: "a", text: one), WorkerLog(name: "b", text: two)])
        #expect(recording.events.map(\.member) == ["a", "b", "a/2"])
        #expect(recording.events.map(\.time) == [0, 1_000, 2_000])
    }

    @Test("Days are counted over a month's end and a leap day")
    func days() throws {
        let times = [
            ("2024-02-28T23:59:59.999Z", "2024-02-29T00:00:00.000Z", Int64(1)),
            ("2024-02-29T00:00:00.000Z", "2024-03-01T00:00:00.000Z", 86_400_000),
            ("1970-01-01T00:00:00.000Z", "2026-06-01T12:00:00.250Z", 1_780_315_200_250),
        ]
        for (first, second, difference) in times {
            let lines = [first, second].map { #"{"time":"\#($0)","message":"unassigned"}"# }
            let recording = try Recording(logs: [WorkerLog(name: "a", text: lines.joined(separator: "\n"))])
            #expect(recording.events.map(\.time) == [0, difference])
        }
    }

    @Test(arguments: [
        ("2026-02-28T23:59:50.000Z INFO  starting", "not a flat JSON object"),
        (line("50.000", "assigned"), "no partitions"),
        (line("50.000", "assigned", #","partitions":"0,1…""#), "no list of numbers"),
        (line("50.000", "commit failed", #","partitions":"0","duration_ms":1"#), "without a code"),
        (line("50.000", "committed", #","partitions":"0""#), "without its duration_ms"),
        (line("50.000", "committed", #","partitions":"0","duration_ms":-1"#), "without its duration_ms"),
        (line("50.000", "committed", #","partitions":"0","duration_ms":9223372036854775807"#), "its duration_ms"),
        (line("50.000", "Log lines were dropped.", #","dropped":3"#), "lines were dropped"),
        (line("49.999", "unassigned"), "the wall clock went back"),
        (#"{"time":"2026-02-28 23:59:50","message":"starting"}"#, "no time"),
        (#"{"time":"2026-02-28T23:59:50.000Z","message":"bad \x escape"}"#, "not a flat JSON object"),
        (#"{"t":0,"member":"a","event":"start"}"#, "no time"),
    ])
    func saysWhichLineItCannotRead(line: String, reason: String) {
        let text = [Self.line("50.000", "starting"), "", line, ""].joined(separator: "\n")
        let error = #expect(throws: RecordingError.self) {
            _ = try Recording(logs: [WorkerLog(name: "worker.log", text: text)])
        }
        #expect(error?.line == 3)
        #expect(error?.description.hasPrefix("worker.log, line 3: ") == true)
        #expect(error?.reason.contains(reason) == true)
    }
}
