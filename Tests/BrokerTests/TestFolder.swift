import Foundation

/// Where these tests keep their files. `scripts/test` names a folder and cleans up there whatever happens.
enum TestFolder {
    /// The folder of the whole run.
    static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["REVOKE_TEST_DIR"], !path.isEmpty {
            return URL(fileURLWithPath: path)
        }
        return FileManager.default.temporaryDirectory
    }()

    /// The root of the repository.
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Makes a new folder.
    static func make(_ name: String) throws -> URL {
        let folder = root.appendingPathComponent("revoke-\(name)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }
}
