import Foundation
import RevokeEngine
import RevokeModel
import Testing

@testable import RevokeWorker

private func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The samples of a text: series to value.
private func samples(_ metrics: WorkerMetrics, now: Int64 = 0) -> [String: String] {
    var samples: [String: String] = [:]
    for line in string(metrics.prometheusText(now: now)).split(separator: "\n") where !line.hasPrefix("#") {
        guard let space = line.lastIndex(of: " ") else { continue }
        samples[String(line[..<space])] = String(line[line.index(after: space)...])
    }
    return samples
}

@Suite("Prometheus text")
struct PrometheusTextTests {
    @Test func labelsAndHelpAreEscaped() {
        var text = PrometheusText()
        text.family("m", .gauge, "Back\\slash, \"quote\",\nline")
        text.sample("m", ["a": "b\\c", "d": "e\"f\ng"], 7)
        text.sample("m", [:], -1)
        #expect(
            string(text.bytes) == #"""
                # HELP m Back\\slash, "quote",\nline
                # TYPE m gauge
                m{a="b\\c",d="e\"f\ng"} 7
                m -1

                """#)
    }

    @Test(
        arguments: [
            (0, "0"), (1, "0.001"), (10, "0.01"), (500, "0.5"), (1_000, "1"), (1_050, "1.05"), (3_600_000, "3600"),
            (-250, "-0.25"), (1_764_035_475_123, "1764035475.123"),
        ] as [(Int64, String)])
    func millisecondsAsSeconds(milliseconds: Int64, expected: String) {
        #expect(PrometheusText.seconds(milliseconds) == expected)
    }

    @Test func aHistogramIsCumulative() {
        var histogram = Histogram()
        for value in [-5, 0, 1, 2, 3, 60_000, 3_600_000, 3_600_001] as [Int64] { histogram.observe(value) }
        #expect(histogram.count == 8)
        var text = PrometheusText()
        text.histogram("h", "Help.", histogram)
        let lines = string(text.bytes).split(separator: "\n").map(String.init)
        #expect(lines.count == 2 + Histogram.bounds.count + 3)
        #expect(lines[0] == "# HELP h Help.")
        #expect(lines[1] == "# TYPE h histogram")
        #expect(lines[2] == #"h_bucket{le="0.001"} 3"#)
        #expect(lines[3] == #"h_bucket{le="0.002"} 4"#)
        #expect(lines[4] == #"h_bucket{le="0.005"} 5"#)
        #expect(lines.contains(#"h_bucket{le="60"} 6"#))
        #expect(lines.contains(#"h_bucket{le="3600"} 7"#))
        #expect(lines.contains(#"h_bucket{le="+Inf"} 8"#))
        #expect(lines.contains("h_sum 7260.007"))
        #expect(lines.last == "h_count 8")
    }

    @Test func theSumOfAHistogramDoesNotOverflow() {
        var histogram = Histogram()
        histogram.observe(.max)
        histogram.observe(.max)
        #expect(histogram.sum == .max)
        #expect(Histogram.bounds == Histogram.bounds.sorted())
    }
}

@Suite("Worker metrics")
struct WorkerMetricsTests {
    /// Checks the whole text by the format's rules, with every kind of series in it.
    @Test func theWholeTextIsWellFormed() throws {
        var metrics = WorkerMetrics()
        metrics.calls.count(.misdirected(status: 302))
        metrics.lag = [1: 5]
        metrics.version = "0.1.0"
        metrics.libraries = [.init(name: "libuv", version: "1.44.2")]
        let board = MetricsBoard()
        board.publish(metrics, now: 0)
        let text = string(board.prometheusText(now: 5))
        #expect(text.hasSuffix("\n"))
        let sample = try Regex(#"^([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? (-?[0-9]+(\.[0-9]+)?)$"#)
        var family = ""
        var kind = ""
        var families: Set<String> = []
        var series: Set<String> = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        for (index, line) in zip(lines.indices, lines) {
            if line.hasPrefix("# HELP ") {
                let words = line.split(separator: " ", maxSplits: 3)
                family = String(words[2])
                #expect(words.count == 4)
                #expect(family.hasPrefix("revoke_worker_"))
                #expect(families.insert(family).inserted)
                #expect(lines[index + 1].hasPrefix("# TYPE \(family) "))
            } else if line.hasPrefix("# TYPE ") {
                kind = String(line.split(separator: " ")[3])
                #expect((kind == "counter") == family.hasSuffix("_total"))
            } else {
                let match = try #require(line.wholeMatch(of: sample), "\(line)")
                let name = String(match.output[1].substring ?? "")
                if kind == "histogram" {
                    #expect(["_bucket", "_sum", "_count"].map { family + $0 }.contains(name))
                } else {
                    #expect(name == family)
                }
                let identity = line[..<(line.lastIndex(of: " ") ?? line.endIndex)]
                #expect(series.insert(String(identity)).inserted)
            }
        }
        #expect(families.count > 25)
    }

    @Test func endsAreCounted() {
        var metrics = WorkerMetrics()
        metrics.count(.revoked)
        metrics.count(.skipped(.unknownType))
        for _ in 0..<2 { metrics.count(EventEnd.deadLettered(.malformed(.tombstone))) }
        metrics.count(EventEnd.deadLettered(.rejected))
        metrics.engine.alreadySettled = 4
        let samples = samples(metrics)
        #expect(samples[#"revoke_worker_events_total{end="revoked"}"#] == "1")
        #expect(samples[#"revoke_worker_events_total{end="already_settled"}"#] == "4")
        #expect(samples[#"revoke_worker_events_total{end="skipped",reason="unknown_type"}"#] == "1")
        #expect(samples[#"revoke_worker_events_total{end="dead_lettered",reason="tombstone"}"#] == "2")
        #expect(samples[#"revoke_worker_events_total{end="dead_lettered",reason="rejected"}"#] == "1")
        #expect(samples[#"revoke_worker_events_total{end="dead_lettered",reason="retry_limit"}"#] == "0")
        for failure in DecodingFailure.allCases {
            #expect(samples["revoke_worker_events_total{end=\"dead_lettered\",reason=\"\(failure.rawValue)\"}"] != nil)
        }
    }

    @Test func callsAreCountedByOutcomeStatusAndCause() {
        var metrics = WorkerMetrics()
        let outcomes: [CallOutcome] = [
            .revoked, .revoked, .rejected(status: 404, code: nil), .unauthorized(keyVersion: 1), .conflict(status: 423),
            .rateLimited(retryAfter: nil), .transient(status: 408), .unavailable(status: 503, retryAfter: 1),
            .misdirected(status: 302), .unreachable(.tls), .ambiguous(.deadline), .withheld,
        ]
        for outcome in outcomes { metrics.calls.count(outcome) }
        // A status that is none makes no series.
        metrics.calls.count(.misdirected(status: 7))
        let samples = samples(metrics)
        #expect(samples[#"revoke_worker_calls_total{outcome="revoked"}"#] == "2")
        #expect(samples[#"revoke_worker_calls_total{outcome="misdirected"}"#] == "2")
        for kind in CallCounts.Kind.allCases where kind != .revoked && kind != .misdirected {
            #expect(samples["revoke_worker_calls_total{outcome=\"\(kind.rawValue)\"}"] == "1")
        }
        for (status, count) in [(204, "2"), (404, "1"), (401, "1"), (423, "1"), (429, "1"), (408, "1"), (503, "1")] {
            #expect(samples["revoke_worker_answers_total{status=\"\(status)\"}"] == count)
        }
        #expect(samples[#"revoke_worker_answers_total{status="7"}"#] == nil)
        #expect(samples[#"revoke_worker_call_failures_total{outcome="unreachable",cause="tls"}"#] == "1")
        #expect(samples[#"revoke_worker_call_failures_total{outcome="unreachable",cause="connect"}"#] == "0")
        #expect(samples[#"revoke_worker_call_failures_total{outcome="ambiguous",cause="deadline"}"#] == "1")
    }

    @Test func holdsAreToldByKind() {
        var metrics = WorkerMetrics()
        func held() -> [String] {
            let samples = samples(metrics)
            return WorkerMetrics.Hold.allCases.map(\.rawValue)
                .filter { samples["revoke_worker_hold{kind=\"\($0)\"}"] == "1" }
        }
        #expect(held() == [])
        for kind in HoldKind.allCases {
            metrics.engine.hold = kind
            #expect(held() == [WorkerMetrics.Hold(kind).rawValue])
        }
        metrics.engine.hold = nil
        metrics.engine.commitsFailing = true
        metrics.engine.undecodable = true
        #expect(held() == ["commits_failing", "undecodable"])
    }

    @Test func agesGoOnRisingWithoutTheLoop() {
        var metrics = WorkerMetrics()
        #expect(samples(metrics, now: 9_000)["revoke_worker_oldest_open_event_age_seconds"] == "0")
        metrics.engine.oldestOpenSince = 1_000
        metrics.engine.oldestUncommittedSince = 1_500
        let board = MetricsBoard()
        board.publish(metrics, now: 2_000)
        let text = string(board.prometheusText(now: 4_250))
        #expect(text.contains("\nrevoke_worker_oldest_open_event_age_seconds 3.25\n"))
        #expect(text.contains("\nrevoke_worker_oldest_uncommitted_age_seconds 2.75\n"))
        #expect(text.contains("\nrevoke_worker_metrics_age_seconds 2.25\n"))
    }

    @Test func onlyOwnedPartitionsHaveALag() {
        var metrics = WorkerMetrics()
        metrics.lag = [7: 1, 2: 30]
        #expect(samples(metrics)[#"revoke_worker_consumer_lag{partition="2"}"#] == "30")
        metrics.lag = [7: 1]
        #expect(samples(metrics)[#"revoke_worker_consumer_lag{partition="2"}"#] == nil)
        #expect(samples(metrics)[#"revoke_worker_consumer_lag{partition="7"}"#] == "1")
    }

    @Test func theRestIsThere() {
        var metrics = WorkerMetrics()
        metrics.recordsRead = 1
        metrics.commits = 2
        metrics.commitFailures = 3
        metrics.deadLetterFailures = 4
        metrics.logLinesDropped = 5
        metrics.lostOffsets = 6
        metrics.suspicions = 7
        metrics.positionsLost = 12
        metrics.unread = [.init(partition: 3, reason: .noLeader), .init(partition: 4, reason: .stalled)]
        metrics.stuckContracts = 13
        metrics.keyFileProblem = true
        metrics.ready = true
        metrics.engine.callsInFlight = 8
        metrics.engine.lanesRetrying = 9
        metrics.engine.pausedPartitions = 10
        metrics.engine.streak = 11
        metrics.engine.pace = 512
        metrics.version = "1.2.3"
        metrics.startTime = 1_500
        metrics.count([.keyDiffers, .implausibleTime] as EventWarnings)
        metrics.eventToRevoked.observe(30)
        let samples = samples(metrics)
        #expect(samples["revoke_worker_records_read_total"] == "1")
        #expect(samples["revoke_worker_commits_total"] == "2")
        #expect(samples["revoke_worker_commit_failures_total"] == "3")
        #expect(samples["revoke_worker_dead_letter_failures_total"] == "4")
        #expect(samples["revoke_worker_log_lines_dropped_total"] == "5")
        #expect(samples["revoke_worker_lost_offsets_total"] == "6")
        #expect(samples["revoke_worker_suspicions_total"] == "7")
        #expect(samples["revoke_worker_positions_lost_total"] == "12")
        #expect(samples["revoke_worker_stuck_contracts_total"] == "13")
        #expect(samples["revoke_worker_key_file_problem"] == "1")
        #expect(samples["revoke_worker_ready"] == "1")
        #expect(samples["revoke_worker_calls_in_flight"] == "8")
        #expect(samples["revoke_worker_retries_waiting"] == "9")
        #expect(samples["revoke_worker_paused_partitions"] == "10")
        #expect(samples["revoke_worker_streak"] == "11")
        #expect(samples["revoke_worker_pace_ratio"] == "0.5")
        #expect(samples[#"revoke_worker_build_info{version="1.2.3"}"#] == "1")
        #expect(samples["revoke_worker_start_time_seconds"] == "1.5")
        #expect(samples[#"revoke_worker_event_warnings_total{kind="key_differs"}"#] == "1")
        #expect(samples[#"revoke_worker_event_warnings_total{kind="subject_differs"}"#] == "0")
        #expect(samples[#"revoke_worker_event_warnings_total{kind="implausible_time"}"#] == "1")
        #expect(samples[#"revoke_worker_event_to_revoked_seconds_bucket{le="0.02"}"#] == "0")
        #expect(samples[#"revoke_worker_event_to_revoked_seconds_bucket{le="0.05"}"#] == "1")
    }

    @Test func theBoardKeepsCopiesAndPublishesOnceASecond() {
        let board = MetricsBoard()
        #expect(board.latest == nil)
        #expect(!board.prometheusText(now: 0).isEmpty)
        var metrics = WorkerMetrics()
        metrics.revoked = 1
        #expect(board.publishIfDue(now: 10_000) { metrics })
        metrics.revoked = 2
        #expect(!board.publishIfDue(now: 10_999) { metrics })
        #expect(board.latest?.metrics.revoked == 1)
        #expect(board.publishIfDue(now: 11_000) { metrics })
        #expect(board.latest?.metrics.revoked == 2)
        #expect(board.latest?.publishedAt == 11_000)
    }

    @Test func anotherThreadReadsTheBoard() {
        let board = MetricsBoard()
        let read = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            while board.latest?.metrics.revoked != 1_000 { usleep(100) }
            read.signal()
        }
        var metrics = WorkerMetrics()
        for number in 1...1_000 {
            metrics.revoked = UInt64(number)
            metrics.lag[Int32(number)] = 1
            board.publish(metrics, now: Int64(number))
        }
        #expect(read.wait(timeout: .now() + 20) == .success)
        #expect(board.latest?.metrics.lag.count == 1_000)
    }
}
