public import Configuration
internal import EventLoop
internal import Glibc
internal import Threads

/// The thread that writes log lines to a descriptor. It alone blocks when nobody reads.
public enum LogWriter {
    /// Starts the thread, which lives until the ring is closed and empty.
    ///
    /// - Parameters:
    ///   - ring: Where the lines come from; one writer for a ring.
    ///   - descriptor: Where they go; stays the caller's, and open until `LogRing.close(deadline:)` returns true. A write to a closed pipe raises SIGPIPE: see
    ///     `ProcessSettings.ignoreBrokenPipes()`.
    ///   - format: The lines' form; `auto` is text on a terminal.
    /// - Returns: Whether the thread could be started.
    @discardableResult
    public static func start(ring: LogRing, descriptor: Int32 = 2, format: LogFormat = .auto) -> Bool {
        let asText =
            switch format {
            case .auto: ProcessSettings.isTerminal(descriptor)
            case .text: true
            case .json: false
            }
        let job = Job(ring: ring, descriptor: descriptor, asText: asText)
        ring.setWriter(true)
        let hasStarted = POSIXThread.start { job.run() }
        if !hasStarted { ring.setWriter(false) }
        return hasStarted
    }

    private final class Job: Sendable {
        /// How many lines are taken at once; bounds what is in memory beside the ring.
        private let batch = 128
        private let ring: LogRing
        private let descriptor: Int32
        private let asText: Bool

        init(ring: LogRing, descriptor: Int32, asText: Bool) {
            self.ring = ring
            self.descriptor = descriptor
            self.asText = asText
        }

        func run() {
            var bytes: [UInt8] = []
            while let (lines, dropped) = ring.waitForLines(limit: batch) {
                bytes.removeAll(keepingCapacity: true)
                for line in lines { append(line, to: &bytes) }
                if dropped > 0 {
                    append(
                        LogLine(
                            time: EventLoop.wallTime(), level: .warning, message: "Log lines were dropped.",
                            fields: [LogLine.Field(key: .dropped, value: .number(dropped))]), to: &bytes)
                }
                ring.finished(lines.count, refused: !write(bytes))
            }
            ring.setWriter(false)
        }

        private func append(_ line: LogLine, to bytes: inout [UInt8]) {
            if asText { line.appendText(to: &bytes) } else { line.appendJSON(to: &bytes) }
        }

        /// Writes all bytes, however long it takes; false when the descriptor refuses them.
        private func write(_ bytes: [UInt8]) -> Bool {
            unsafe bytes.withUnsafeBytes { buffer in
                var rest = unsafe buffer[...]
                while unsafe !rest.isEmpty {
                    let part = unsafe UnsafeRawBufferPointer(rebasing: rest)
                    let result = unsafe Glibc.write(descriptor, part.baseAddress, part.count)
                    if result >= 0 {
                        unsafe rest = rest.dropFirst(result)
                        continue
                    }
                    switch errno {
                    case EINTR: continue
                    case EAGAIN:
                        // The descriptor is shared with somebody who made it non-blocking.
                        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                        _ = unsafe poll(&ready, 1, -1)
                    default: return false
                    }
                }
                return true
            }
        }
    }
}
