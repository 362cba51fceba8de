import EventLoop
import Foundation
import Testing

/// The polling interval of a test that must see a notification: polling alone would miss the bound.
private let never: Int64 = 600_000

@Suite("Watched files")
struct FileWatchTests {
    /// Runs a loop that watches a file, makes a change once it runs, and ends when the file has the new content.
    private func expectChange(
        of path: String, to text: String, pollInterval: Int64, repeatChange: Bool = false,
        _ change: @escaping () throws -> Void
    ) throws {
        let loop = try EventLoop()
        let watch = try loop.watchFile(path, pollInterval: pollInterval) {
            if (try? String(contentsOfFile: path, encoding: .utf8))?.hasPrefix(text) == true { loop.stop() }
        }
        let timer = try loop.makeTimer {
            do { try change() } catch { Issue.record(error) }
        }
        timer.start(after: 0, repeating: repeatChange ? 20 : 0)
        try runToEnd(loop)
        watch.close()
    }

    @Test func aWriteInPlace() throws {
        let directory = try TemporaryDirectory()
        try writeInPlace("old", directory.path("key"))
        try expectChange(of: directory.path("key"), to: "new", pollInterval: never) {
            try writeInPlace("new", directory.path("key"))
        }
    }

    @Test func aFileRenamedOverIt() throws {
        let directory = try TemporaryDirectory()
        try writeInPlace("old", directory.path("key"))
        try expectChange(of: directory.path("key"), to: "new", pollInterval: never) {
            try writeInPlace("new", directory.path(".key.tmp"))
            move(directory.path(".key.tmp"), over: directory.path("key"))
        }
    }

    @Test func aFileThatAppears() throws {
        let directory = try TemporaryDirectory()
        try expectChange(of: directory.path("key"), to: "new", pollInterval: never) {
            try writeInPlace("new", directory.path("key"))
        }
    }

    /// The layout of a mounted Secret: `key` → `..data/key`, `..data` → `..first`; an update renames a new link over
    /// `..data`, and the entry `key` itself never changes.
    @Test func theLinkSwapOfKubernetes() throws {
        let directory = try TemporaryDirectory()
        for (version, text) in [("..first", "old"), ("..second", "new")] {
            try FileManager.default.createDirectory(
                atPath: directory.path(version), withIntermediateDirectories: false)
            try writeInPlace(text, directory.path(version + "/key"))
        }
        link(directory.path("..data"), to: "..first")
        link(directory.path("key"), to: "..data/key")
        try expectChange(of: directory.path("key"), to: "new", pollInterval: never) {
            link(directory.path("..data_tmp"), to: "..second")
            move(directory.path("..data_tmp"), over: directory.path("..data"))
        }
    }

    /// A link into another directory, which is not notified: polling sees it. The change is repeated, since it can come
    /// before the first look.
    @Test func aChangeThatOnlyPollingSees() throws {
        let directory = try TemporaryDirectory()
        let other = try TemporaryDirectory()
        try writeInPlace("old", other.path("target"))
        link(directory.path("key"), to: other.path("target"))
        var content = "new"
        try expectChange(of: directory.path("key"), to: "new", pollInterval: 5, repeatChange: true) {
            content += "+"
            try writeInPlace(content, other.path("target"))
        }
    }

    @Test func aDirectoryThatAppears() throws {
        let directory = try TemporaryDirectory()
        let inner = directory.path("inner")
        try expectChange(of: inner + "/key", to: "new", pollInterval: 5, repeatChange: true) {
            try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
            try writeInPlace("new", inner + "/key")
        }
    }

    @Test func aNeighbourIsNoNewsAndCloseInTheHandler() throws {
        let directory = try TemporaryDirectory()
        try writeInPlace("old", directory.path("key"))
        let loop = try EventLoop()
        var calls = 0
        var watch: FileWatch?
        watch = try loop.watchFile(directory.path("key"), pollInterval: never) {
            calls += 1
            // Notifications come in order: a call for the neighbour would have seen the old content.
            #expect((try? String(contentsOfFile: directory.path("key"), encoding: .utf8)) != "old")
            watch?.close()
            loop.stop()
        }
        let timer = try loop.makeTimer {
            do {
                try writeInPlace("x", directory.path("neighbour"))
                let later = try loop.makeTimer { try? writeInPlace("new", directory.path("key")) }
                later.start(after: 50)
            } catch {
                Issue.record(error)
            }
        }
        timer.start(after: 0)
        try runToEnd(loop)
        #expect(calls == 1)
    }
}
