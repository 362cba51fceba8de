import DemoKit
import Foundation
import Testing

/// What a worker takes in memory while it holds all that it may hold (invariant 7).
@Suite(.enabled(if: TestBroker.kind != .none, TestBroker.skipped), .serialized, .sharedBroker)
struct MemoryTests {
    /// More than the window and librdkafka's queue take, so that all partitions pause.
    @Test("A held account and a long backlog: at most 96 MiB", arguments: [150, 1_024])
    func backlogOfAHeldAccount(size: Int) async throws {
        let installation = try await Installation(on: SharedBroker.broker)
        defer { installation.stub.stop() }
        installation.stub.setFaults { $0.outage = .unavailable }
        for batch in Int64(0)..<4 {
            try await installation.publish(
                (1...15_000).map { .event(contract: batch * 15_000 + $0, size: size) })
        }
        let worker = try installation.worker()
        try await worker.state.wait(for: "a pause of all partitions", limit: .seconds(180)) { state -> Bool? in
            var paused: Set<Substring> = []
            for line in state.lines where line.contains("paused: the window is full") {
                let list = line.split(separator: "\"partitions\":\"").dropFirst().first?.prefix { $0 != "\"" }
                for partition in list?.split(separator: ",") ?? [] { paused.insert(partition) }
            }
            return paused.count == 8 ? true : nil
        }
        let peak = try worker.peakMemory()
        print("memory: \(size) bytes a record, at most \(peak >> 20) MiB")
        #expect(peak <= 96 << 20)
        #expect(try await worker.terminate() == .exit(0))
    }
}

extension WorkerProcess {
    /// The most resident memory that the process had, in bytes (proc(5), VmHWM).
    func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        let number = try #require(line.split { $0 == " " || $0 == "\t" }.dropLast().last.flatMap { Int($0) })
        return number * 1_024
    }
}

extension TestRecord {
    /// An event with a value of so many bytes.
    static func event(contract: Int64, size: Int) -> TestRecord {
        var record = event(contract: contract)
        guard let value = record.value, value.count < size, value.last == UInt8(ascii: "}") else { return record }
        record.value = value + Array(repeating: UInt8(ascii: " "), count: size - value.count)
        return record
    }
}
