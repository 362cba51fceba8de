import Simulator

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Holds recordings and workers' logs against the simulated coordinator.
struct RecordingCheck {
    /// Each is a recording, or the log of one worker; all logs together are one group.
    var files: [String]
    /// The group's session timeout in milliseconds.
    var sessionTimeout: Int64

    /// Prints what was found and returns the exit code.
    func run() -> Int32 {
        var recordings: [(name: String, recording: Recording)] = []
        var logs: [WorkerLog] = []
        for file in files {
            guard let text = Self.contents(of: file) else {
                print("\(file): cannot be read")
                return 2
            }
            let log = WorkerLog(name: file, text: text)
            guard !log.isRecording else {
                do throws(RecordingError) {
                    recordings.append((file, try Recording(text: text)))
                } catch {
                    print("\(file), \(error)")
                    return 2
                }
                continue
            }
            logs.append(log)
        }
        if !logs.isEmpty {
            do throws(RecordingError) {
                recordings.append((logs.map(\.name).joined(separator: " + "), try Recording(logs: logs)))
            } catch {
                print("\(error)")
                return 2
            }
        }
        let model = CoordinatorModel(sessionTimeout: sessionTimeout, tolerance: CoordinatorModel.processTolerance)
        var code: Int32 = 0
        for (name, recording) in recordings {
            // Nothing contradicts what says nothing.
            guard recording.events.contains(where: { $0.kind == .assign }) else {
                print(
                    "\(name): says nothing: no member is assigned a partition in it; a worker logs what the group does"
                        + " with log-level: debug and log-format: json")
                return 2
            }
            if let refusal = model.refusal(of: recording) {
                print("\(name): refused: \(refusal)")
                code = 1
            } else {
                print("\(name): accepted, \(recording.events.count) events")
            }
        }
        return code
    }

    /// The bytes of a file; nil when it cannot be read or is not UTF-8.
    private static func contents(of path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { buffer in
                unsafe read(descriptor, buffer.baseAddress, buffer.count)
            }
            if count == 0 { return String(validating: bytes, as: UTF8.self) }
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }
}
