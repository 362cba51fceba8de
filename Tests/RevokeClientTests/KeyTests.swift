import EventLoop
import Foundation
import RevokeModel
import Testing
import WorkerTestKit

@testable import RevokeClient

@Suite struct KeyTests {
    @Test func keyShowsItselfNowhere() throws {
        let key = try APIKey(secret)
        let account = try account("https://h/v1")
        var texts = ["\(key)", String(reflecting: key), "\(account)", String(reflecting: account), "\([key])"]
        texts.append("\(Optional(key) as Any)")
        var dumped = ""
        dump(key, to: &dumped)
        dump(account, to: &dumped)
        dump(try LoopHolder(key), to: &dumped)
        texts.append(dumped)
        for text in texts { #expect(!text.contains(secret) && !text.contains("0a1b2c3d")) }
        #expect("\(key)" == "<redacted>")
        #expect(Mirror(reflecting: key).children.isEmpty)
    }

    private struct LoopHolder {
        let key: APIKey
        init(_ key: APIKey) throws { self.key = key }
    }

    @Test func form() throws {
        #expect(try APIKey("a") == APIKey("a"))
        #expect(try APIKey("a") != APIKey("b"))
        #expect(try APIKey("a") != APIKey("ab"))
        #expect(throws: APIKeyError.empty) { try APIKey("") }
        #expect(throws: APIKeyError.tooLong(length: 513)) { try APIKey(String(repeating: "a", count: 513)) }
        _ = try APIKey(String(repeating: "~", count: 512))
        for (text, position) in [("a b", 2), ("a\r\nX: y", 2), ("\u{0}", 1), ("ab\u{7f}", 3), ("ä", 1)] {
            #expect(throws: APIKeyError.character(position: position)) { try APIKey(text) }
        }
    }

    @Test func sharedPieces() throws {
        let key = try APIKey("0123456789")
        #expect(key.sharesPiece(with: "xx12345678".utf8))
        #expect(!key.sharesPiece(with: "xx1234567x".utf8))
        #expect(!key.sharesPiece(with: "".utf8))
        #expect(try APIKey("abc").sharesPiece(with: "xabcx".utf8))
    }

    @Test(arguments: [
        "", "\n", "\r\n", "key\n\n", "key\r", "ke y", "key ", " key", "\tkey", "\u{feff}key", "\"key\"", "'key'",
        "`key`",
        "X-PARTNER-APIKEY: key", "x-partner-apikey:key", "Authorization: key", "key\0", "kéy", "key\nkey\n",
        String(repeating: "k", count: 513), String(repeating: "k", count: 9_000),
    ])
    func keyFileThatIsRefused(_ content: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("key", content)
        let expected: KeyFileError =
            switch content {
            case "", "\n", "\r\n": .empty
            case "key\n\n", "key\r": .lineBreak(position: 4)
            case "ke y": .space(position: 3)
            case "key ": .space(position: 4)
            case " key", "\tkey": .space(position: 1)
            case "\u{feff}key": .byteOrderMark
            case "\"key\"", "'key'", "`key`": .quotes
            case "X-PARTNER-APIKEY: key", "x-partner-apikey:key", "Authorization: key": .headerName
            case "key\0": .character(position: 4)
            case "kéy": .character(position: 2)
            case "key\nkey\n": .lineBreak(position: 4)
            default: .tooLong(length: min(content.utf8.count, 4_096))
            }
        do throws(KeyFileError) {
            _ = try KeyFile.read(path)
            Issue.record("accepted")
        } catch {
            #expect(error == expected)
            #expect(!"\(error)".contains("kk"))
        }
    }

    @Test(arguments: ["key", "key\n", "key\r\n"])
    func keyFileThatIsAccepted(_ content: String) throws {
        let directory = try TemporaryDirectory()
        #expect(try KeyFile.read(try directory.write("key", content)) == APIKey("key"))
        let long = String(repeating: "k", count: 512)
        #expect(try KeyFile.read(try directory.write("long", long + "\r\n")) == APIKey(long))
        #expect(try KeyFile.read(try directory.write("colon", "a:b\n")) == APIKey("a:b"))
    }

    /// Only the beginning is read, so that its length is not known.
    @Test func aLongKeyFileIsNotSaidToBeShorter() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("key", String(repeating: "k", count: 1 << 20))
        do throws(KeyFileError) {
            _ = try KeyFile.read(path)
            Issue.record("accepted")
        } catch {
            #expect("\(error)" == "the key file has 4096 bytes or more, more than a key of 512")
        }
        #expect("\(KeyFileError.tooLong(length: 600))" == "the key file has 600 bytes, more than a key of 512")
    }

    @Test func keyFileThatIsNone() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: KeyFileError.unreadable(errno: ENOENT)) { try KeyFile.read(directory.file("none")) }
        #expect(throws: KeyFileError.notAFile) { try KeyFile.read(directory.path) }
        #expect(unsafe mkfifo(directory.file("pipe"), 0o600) == 0)
        #expect(throws: KeyFileError.notAFile) { try KeyFile.read(directory.file("pipe")) }
    }

    /// In place, by a rename, by the swap of a link as Kubernetes does it; gone, malformed and well again.
    @Test func keyFileIsWatched() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("key")
        try directory.write("one", "key-1\n")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "one")
        let current = try KeyFile.read(path)
        let seen: [String] = try await onLoop { loop, finish in
            var seen: [String] = []
            var watch: KeyFileWatch?
            // Each sight makes the next change.
            func next() {
                do {
                    switch seen.count {
                    case 0:
                        try directory.write("two", "key-2\n")
                        try FileManager.default.createSymbolicLink(
                            atPath: directory.file("link"), withDestinationPath: "two")
                        _ = unsafe rename(directory.file("link"), path)
                    case 1: try directory.write("two", "key-3\n")
                    case 2: try FileManager.default.removeItem(atPath: path)
                    case 3: try directory.write("key", "key 4\n")
                    case 4: try directory.write("key", "key-3\n")
                    case 5:
                        try directory.write("new", "key-5\n")
                        _ = unsafe rename(directory.file("new"), path)
                    default:
                        watch?.close()
                        // Its handlers hold this function.
                        watch = nil
                        finish(seen)
                    }
                } catch { Issue.record(error) }
            }
            let names = try (1...5).map { ("key-\($0)", try APIKey("key-\($0)")) }
            watch = try KeyFileWatch(
                loop: loop, path: path, current: current, pollInterval: 50,
                changed: { key in
                    seen.append(names.first { $0.1 == key }?.0 ?? "?")
                    next()
                },
                problem: { problem in
                    // A write in place is seen empty, or half done, for a moment.
                    guard problem != .empty else { return }
                    let text = problem.map { "\($0)" } ?? "well"
                    guard seen.last != text else { return }
                    seen.append(text)
                    next()
                })
            next()
        }
        #expect(
            seen == [
                "key-2", "key-3", "\(KeyFileError.unreadable(errno: ENOENT))", "\(KeyFileError.space(position: 4))",
                "well", "key-5",
            ])
    }
}
