import Configuration
import Foundation
import Synchronization
import Testing

@testable import RevokeWorker

/// Both ends of a pipe, closed at the end of its life.
private final class Pipe: Sendable {
    let reading: Int32
    let writing: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        let result = unsafe pipe(&ends)
        #expect(result == 0)
        reading = ends[0]
        writing = ends[1]
    }

    deinit {
        close(reading)
        close(writing)
    }

    /// Reads lines until one satisfies a condition, within a bound.
    func lines(until isLast: (String) -> Bool) -> [String] {
        var lines: [String] = []
        var rest: [UInt8] = []
        while true {
            var ready = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&ready, 1, 20_000) == 1 else {
                Issue.record("Nothing to read within the bound.")
                return lines
            }
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe read(reading, &bytes, bytes.count)
            guard count > 0 else {
                Issue.record("The pipe has ended.")
                return lines
            }
            rest += bytes.prefix(count)
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeSubrange(...end)
                lines.append(line)
                if isLast(line) { return lines }
            }
        }
    }
}

private func line(_ message: StaticString, _ fields: (LogKey, LogValue)...) -> LogLine {
    LogLine(
        time: 1_764_035_475_123, level: .warning, message: message,
        fields: fields.map { LogLine.Field(key: $0.0, value: $0.1) })
}

private func json(_ line: LogLine) -> String {
    var bytes: [UInt8] = []
    line.appendJSON(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
}

private func text(_ line: LogLine) -> String {
    var bytes: [UInt8] = []
    line.appendText(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
}

@Suite("Log lines")
struct LogLineTests {
    @Test func aLineAsJSON() {
        let line = line("The commit failed.", (.partition, 3), (.error, "a \"b\"\n\u{1B}[2J"), (.test, true))
        #expect(
            json(line) == #"{"time":"2025-11-25T01:51:15.123Z","level":"warning","message":"The commit failed.","#
                + #""partition":3,"error":"a \"b\"\n\u001b[2J","test":true}"# + "\n")
    }

    @Test func aLineAsText() {
        let line = line("The commit failed.", (.partition, 3), (.topic, "a-b.c"), (.error, "two words"), (.test, false))
        #expect(
            text(line)
                == "2025-11-25T01:51:15.123Z WARN  The commit failed. partition=3 topic=a-b.c error=\"two words\" test=false\n"
        )
    }

    /// Texts from outside neither steer the terminal nor look like another line or field.
    @Test(arguments: [
        ("", #""""#),
        ("a=b", #""a=b""#),
        ("a\nb", #""a\nb""#),
        ("\u{1B}[31m", #""\u{1b}[31m""#),
        ("\r", #""\u{d}""#),
        ("\u{7F}\u{85}", #""\u{7f}\u{85}""#),
        ("\u{202E}x", #""\u{202e}x""#),
        ("\u{2028}", #""\u{2028}""#),
        ("q\"\\", #""q\"\\""#),
        ("Größe", #""Größe""#),
    ])
    func aTextIsEscaped(value: String, expected: String) {
        #expect(text(line("M", (.error, .text(value)))).hasSuffix("M error=\(expected)\n"))
    }

    @Test func aLongTextIsCut() {
        let long = String(repeating: "ä", count: 10_000)
        guard case .text(let cut) = LogValue.text(long).bounded else {
            Issue.record("not a text")
            return
        }
        #expect(cut.utf8.count <= LogValue.textLimit + 3)
        #expect(cut.hasSuffix("…"))
        #expect(LogValue.text("short").bounded == "short")
        #expect(LogValue.number(UInt64.max) == .integer(.max))
    }

    @Test func noKeyIsOneOfTheLineItself() {
        for key in LogKey.allCases {
            #expect(!["time", "level", "message"].contains(key.rawValue))
        }
    }
}

@Suite("Logger and ring")
struct LogRingTests {
    @Test func onlyTheLevelIsLoggedAndComputed() {
        let ring = LogRing(capacity: 10)
        let logger = Logger(level: .warning, ring: ring, common: [.group: "g"])
        func never() -> LogValue {
            Issue.record("computed")
            return ""
        }
        logger.debug("debug", [.error: never()])
        logger.info("info", [.error: never()])
        logger.warning("warning", [.count: 1])
        logger.error("error")
        let lines = ring.drain()
        #expect(lines.map(\.level) == [.warning, .error])
        #expect(lines.map { "\($0.message)" } == ["warning", "error"])
        #expect(lines[0].fields.map(\.key) == [.count, .group])
        #expect(lines[0][.count] == 1)
        #expect(ring.drain().isEmpty)
    }

    @Test func aFullRingDropsAndCounts() {
        let ring = LogRing(capacity: 3)
        for round in 0..<5 {
            for number in 0..<5 { ring.push(line("M", (.count, .number(round * 10 + number)))) }
            #expect(ring.drain().map { $0[.count] } == (0..<3).map { .number(round * 10 + $0) })
            #expect(ring.droppedLines == UInt64(2 * (round + 1)))
        }
    }

    /// The descriptor's other end is never read, so the writer blocks for ever in its first full write; the producer must
    /// not. It runs on a thread of its own, so that a block fails the test instead of hanging it. Then somebody reads:
    /// each line arrives or is in a reported count.
    @Test func aPipeThatNobodyReadsNeverBlocksTheProducer() throws {
        let pipe = Pipe()
        let ring = LogRing(capacity: 64)
        LogWriter.start(ring: ring, descriptor: pipe.writing, format: .auto)
        let pushed = 20_000
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let logger = Logger(level: .info, ring: ring)
            for number in 0..<pushed { logger.info("A line", [.count: .number(number)]) }
            done.signal()
        }
        try #require(done.wait(timeout: .now() + 20) == .success)
        #expect(ring.droppedLines > 0)
        #expect(!ring.flush(deadline: 1))

        var arrived = 0
        var reported = 0
        var last = -1
        _ = pipe.lines { line in
            guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                Issue.record("not JSON: \(line)")
                return true
            }
            if object["message"] as? String == "A line" {
                arrived += 1
                let number = object["count"] as? Int ?? -1
                #expect(number > last)
                last = number
            } else {
                #expect(object["message"] as? String == "Log lines were dropped.")
                #expect(object["level"] as? String == "warning")
                reported += object["dropped"] as? Int ?? 0
            }
            return arrived + reported >= pushed
        }
        #expect(arrived + reported == pushed)
        #expect(UInt64(reported) == ring.droppedLines)
        #expect(ring.flush(deadline: 20_000))
        #expect(ring.close(deadline: 20_000))
    }

    @Test func linesOfManyThreadsArriveInOrder() {
        let pipe = Pipe()
        let ring = LogRing(capacity: 10_000)
        LogWriter.start(ring: ring, descriptor: pipe.writing, format: .text)
        for thread in 0..<4 {
            Thread.detachNewThread {
                for number in 0..<1_000 {
                    ring.push(line("M", (.partition, .number(thread)), (.count, .number(number))))
                }
            }
        }
        var seen = [Int](repeating: 0, count: 4)
        var total = 0
        _ = pipe.lines { line in
            for thread in 0..<4 where line.hasSuffix("M partition=\(thread) count=\(seen[thread])") {
                seen[thread] += 1
            }
            total += 1
            return total == 4_000
        }
        #expect(seen == [1_000, 1_000, 1_000, 1_000])
        #expect(ring.flush(deadline: 20_000))
        #expect(ring.droppedLines == 0)
        #expect(ring.close(deadline: 20_000))
    }

    /// Another process can make a shared descriptor non-blocking: a full pipe then gives EAGAIN.
    @Test func aNonBlockingDescriptorLosesNothing() {
        let pipe = Pipe()
        #expect(fcntl(pipe.writing, F_SETFL, O_NONBLOCK) == 0)
        let ring = LogRing(capacity: 10_000)
        for number in 0..<5_000 { ring.push(line("M", (.count, .number(number)))) }
        ring.close(deadline: 0)
        LogWriter.start(ring: ring, descriptor: pipe.writing, format: .json)
        let lines = pipe.lines { $0.contains("\"count\":4999}") }
        #expect(lines.count == 5_000)
        #expect(ring.close(deadline: 20_000))
    }

    @Test func whatTheDescriptorRefusesIsCounted() {
        ProcessSettings.ignoreBrokenPipes()
        var ends: [Int32] = [-1, -1]
        let result = unsafe pipe(&ends)
        #expect(result == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let ring = LogRing(capacity: 10)
        for _ in 0..<3 { ring.push(line("M")) }
        LogWriter.start(ring: ring, descriptor: ends[1], format: .json)
        #expect(ring.flush(deadline: 20_000))
        #expect(ring.droppedLines == 3)
        #expect(ring.close(deadline: 20_000))
        ring.push(line("M"))
        #expect(ring.droppedLines == 4)
    }

    @Test func flushWithoutAWriterEndsAtItsDeadline() {
        let ring = LogRing(capacity: 10)
        #expect(ring.flush(deadline: 0))
        ring.push(line("M"))
        #expect(!ring.flush(deadline: 1))
        #expect(!ring.flush(deadline: -1))
        _ = ring.drain()
        #expect(ring.flush(deadline: 0))
    }
}
