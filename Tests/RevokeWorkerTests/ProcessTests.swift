import Foundation
import Testing

@testable import RevokeWorker

/// A datagram socket that listens as a service manager does.
private final class Manager {
    let descriptor: Int32

    /// - Parameter name: A path, or an abstract name behind `@`.
    init(name: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if name.hasPrefix("@") { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in unsafe path.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, length)
            }
        }
        #expect(result == 0)
    }

    deinit { close(descriptor) }

    /// The next datagram, within a bound.
    func next() -> String? {
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&ready, 1, 20_000) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

@Suite("Service notifier")
struct ServiceNotifierTests {
    private let path = FileManager.default.temporaryDirectory.path + "/notify-\(UUID().uuidString)"

    @Test func aSocketWithAPath() throws {
        let manager = Manager(name: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let notifier = try #require(ServiceNotifier(socketName: path))
        #expect(notifier.tell(.ready))
        #expect(notifier.tell(.status("one\ntwo")))
        #expect(notifier.tell(.stopping))
        #expect(manager.next() == "READY=1")
        #expect(manager.next() == "STATUS=one two")
        #expect(manager.next() == "STOPPING=1")
    }

    @Test func anAbstractSocket() throws {
        let name = "@revoke-worker-\(UUID().uuidString)"
        let manager = Manager(name: name)
        #expect(try #require(ServiceNotifier(socketName: name)).tell(.ready))
        #expect(manager.next() == "READY=1")
    }

    /// A manager that does not read must not block the worker: the queue of a Unix datagram socket is short.
    @Test func aFullQueueDoesNotBlock() throws {
        let manager = Manager(name: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let notifier = try #require(ServiceNotifier(socketName: path))
        var told = 0
        while notifier.tell(.ready), told < 100_000 { told += 1 }
        #expect(told < 100_000)
        #expect(manager.next() == "READY=1")
    }

    @Test func nobodyListens() throws {
        #expect(try !#require(ServiceNotifier(socketName: path)).tell(.ready))
    }

    @Test(arguments: [nil, "", "@", "/", "relative", "vsock:2:1", "/" + String(repeating: "x", count: 200)])
    func aNameOfAnotherForm(name: String?) {
        #expect(ServiceNotifier(socketName: name) == nil)
    }

    @Test func theEnvironmentIsRead() async {
        await #expect(processExitsWith: .success) {
            unsafe setenv("NOTIFY_SOCKET", "/run/x", 1)
            let set = ServiceNotifier.fromEnvironment()
            unsafe unsetenv("NOTIFY_SOCKET")
            exit(set == ServiceNotifier(socketName: "/run/x") && ServiceNotifier.fromEnvironment() == nil ? 0 : 1)
        }
    }
}

@Suite("Process settings")
struct ProcessSettingsTests {
    @Test func coreDumpsAreDisabled() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 0, rlim_max: 0)
            let result = ProcessSettings.disableCoreDumps()
            unsafe getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
            exit(result == 0 && ProcessSettings.coreDumpsAreDisabled && limit.rlim_max == 0 ? 0 : 1)
        }
    }

    @Test func aBrokenPipeIsAnError() async {
        await #expect(processExitsWith: .success) {
            ProcessSettings.ignoreBrokenPipes()
            var ends: [Int32] = [-1, -1]
            guard unsafe pipe(&ends) == 0 else { exit(2) }
            close(ends[0])
            let count = unsafe write(ends[1], [1], 1)
            exit(count == -1 && errno == EPIPE ? 0 : 1)
        }
    }

    @Test func theTLSKeyLogIsForgotten() async {
        await #expect(processExitsWith: .success) {
            unsafe setenv("SSLKEYLOGFILE", "/tmp/keys", 1)
            ProcessSettings.forgetTLSKeyLog()
            exit(unsafe getenv("SSLKEYLOGFILE") == nil ? 0 : 1)
        }
    }

    @Test func preparingWarnsOfWhatIsNotSetOrNotEnough() async {
        #expect(ProcessSettings.coreDumpWarning(0) == nil)
        #expect(ProcessSettings.coreDumpWarning(EPERM)?.contains("Operation not permitted") == true)
        #expect(ProcessSettings.descriptorWarning(limit: nil, concurrency: 8) == nil)
        #expect(ProcessSettings.descriptorWarning(limit: 136, concurrency: 8) == nil)
        #expect(
            ProcessSettings.descriptorWarning(limit: 135, concurrency: 8)?
                .hasPrefix("the process may open 135 files (RLIMIT_NOFILE) and needs up to 136 with concurrency 8")
                == true)
        await #expect(processExitsWith: .success) {
            exit(ProcessSettings.prepare(concurrency: 8).isEmpty && ProcessSettings.coreDumpsAreDisabled ? 0 : 1)
        }
        await #expect(processExitsWith: .success) {
            var few = rlimit(rlim_cur: 100, rlim_max: 100)
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &few)
            let warnings = ProcessSettings.prepare(concurrency: 8)
            exit(warnings.count == 1 && warnings[0].hasPrefix("the process may open 100 files") ? 0 : 1)
        }
    }

    @Test func exitAtOnceRunsNoHandlers() async {
        await #expect(processExitsWith: .exitCode(9)) {
            atexit { _exit(3) }
            ProcessSettings.exitAtOnce(9)
        }
    }

    @Test func aTerminalIsTold() throws {
        let terminal = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
        try #require(terminal >= 0)
        defer { close(terminal) }
        #expect(ProcessSettings.isTerminal(terminal))
        let file = unsafe open("/dev/null", O_RDONLY)
        defer { close(file) }
        #expect(!ProcessSettings.isTerminal(file))
    }
}
