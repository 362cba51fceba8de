import Foundation
import Kafka

/// Log lines from any thread.
final class LogLines: Sendable {
    private let lock = NSLock()
    nonisolated(unsafe) private var lines: [KafkaLogLine] = []

    func append(_ line: KafkaLogLine) {
        lock.withLock { unsafe lines.append(line) }
    }

    var all: [KafkaLogLine] { lock.withLock { unsafe lines } }
}
