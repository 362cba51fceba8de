import Foundation
import Simulator
import Testing

/// What the workers of a test logged of their group, held against the coordinator of the simulator.
enum GroupRecording {
    /// Makes a recording of the logs of all members of a group, which have ended, and expects the model to accept it.
    ///
    /// With `RECORD_TO=FOLDER` in the environment it writes the recording there too; the copies in
    /// `Tests/SimulatorTests/Recordings` were made so.
    /// - Throws: `RecordingError` when a log cannot be read.
    static func check(
        _ name: String, _ workers: [(name: String, process: WorkerProcess)], _ settings: Installation.Settings
    ) throws {
        let logs = workers.map { name, process in
            WorkerLog(name: name, text: process.state.current.lines.joined(separator: "\n"))
        }
        let recording = try Recording(logs: logs)
        if let folder = ProcessInfo.processInfo.environment["RECORD_TO"], !folder.isEmpty {
            let file = URL(fileURLWithPath: folder).appendingPathComponent("\(name).jsonl")
            try Data(recording.text.utf8).write(to: file)
        }
        let model = CoordinatorModel(
            sessionTimeout: Int64(settings.sessionTimeout), tolerance: CoordinatorModel.processTolerance)
        let refusal = model.refusal(of: recording)
        #expect(refusal == nil, "the simulator's coordinator cannot do what the broker did")
        // A log that lacks the events would be accepted as well.
        for (member, _) in workers {
            let own = recording.events.filter { $0.member == member }
            #expect(own.contains { $0.kind == .start } && own.contains { $0.kind == .assign })
            #expect(own.contains { $0.result == "stored" })
        }
    }
}
