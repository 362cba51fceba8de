import EventLoop
import Foundation
import Testing

@Suite("Descriptors")
struct DescriptorTests {
    @Test func readableUntilRead() throws {
        let loop = try EventLoop()
        let pair = DescriptorPair(pipe: true)
        var calls = 0
        let watch = try loop.watch(descriptor: pair.first) { ready in
            #expect(ready == .readable)
            calls += 1
            // Level-triggered: not read at the first call, so there is a second one.
            if calls == 2 {
                #expect(receive(from: pair.first) == "hello")
                loop.stop()
            }
        }
        try watch.setInterest(.readable)
        send("hello", to: pair.second)
        try runToEnd(loop)
        #expect(calls == 2)
    }

    @Test func theInterestChanges() throws {
        let loop = try EventLoop()
        let pair = DescriptorPair()
        var trace: [String] = []
        var watch: DescriptorWatch?
        let pause = try loop.makeTimer {
            // Bytes wait, and nothing came while the interest was empty.
            trace.append("resume")
            try? watch?.setInterest(.readable)
        }
        watch = try loop.watch(descriptor: pair.first) { ready in
            do {
                if ready.contains(.writable) {
                    trace.append("writable")
                    send("ping", to: pair.second)
                    try watch?.setInterest([])
                    #expect(watch?.interest == [])
                    pause.start(after: 5)
                } else {
                    trace.append("readable")
                    #expect(receive(from: pair.first) == "ping")
                    try watch?.setInterest([.readable, .writable])
                    try watch?.setInterest([.readable, .writable])
                    #expect(watch?.interest == [.readable, .writable])
                    loop.stop()
                }
            } catch {
                Issue.record(error)
            }
        }
        try watch?.setInterest(.writable)
        try runToEnd(loop)
        #expect(trace == ["writable", "resume", "readable"])
    }

    /// The number of a closed descriptor is given out again at once: the new watch must get the events, the old one none.
    @Test func closeInTheHandlerAndReuseOfTheNumber() throws {
        let loop = try EventLoop()
        let pair = DescriptorPair(pipe: true)
        let other = DescriptorPair(pipe: true)
        var trace: [String] = []
        var first: DescriptorWatch?
        first = try loop.watch(descriptor: pair.first) { _ in
            trace.append("first")
            first?.close()
            // The number now stands for the other pipe.
            #expect(dup2(other.first, pair.first) == pair.first)
            do {
                let second = try loop.watch(descriptor: pair.first) { _ in
                    trace.append("second")
                    #expect(receive(from: pair.first) == "two")
                    loop.stop()
                }
                try second.setInterest(.readable)
                send("two", to: other.second)
            } catch {
                Issue.record(error)
            }
        }
        try first?.setInterest(.readable)
        send("one", to: pair.second)
        try runToEnd(loop)
        #expect(trace == ["first", "second"])
    }

    /// Two descriptors are ready in one turn, and the first handler closes the other's watch.
    @Test func aWatchClosedInTheSameTurnIsNotCalled() throws {
        let loop = try EventLoop()
        let pairs = [DescriptorPair(pipe: true), DescriptorPair(pipe: true)]
        var watches: [DescriptorWatch] = []
        var calls = 0
        for pair in pairs {
            let watch = try loop.watch(descriptor: pair.first) { _ in
                calls += 1
                for watch in watches { watch.close() }
            }
            try watch.setInterest(.readable)
            watches.append(watch)
            send("x", to: pair.second)
        }
        loop.run()
        #expect(calls == 1)
        loop.close()
    }

    @Test func disconnectedIsTold() throws {
        let loop = try EventLoop()
        let pair = DescriptorPair()
        let watch = try loop.watch(descriptor: pair.first) { ready in
            #expect(ready.contains(.disconnected))
            #expect(!ready.contains(.readable))
            loop.stop()
        }
        try watch.setInterest(.disconnected)
        send("bytes that nobody asked for", to: pair.second)
        #expect(shutdown(pair.second, Int32(SHUT_WR)) == 0)
        try runToEnd(loop)
    }

    @Test func aClosedPeerIsTold() throws {
        let loop = try EventLoop()
        let pair = DescriptorPair()
        let watch = try loop.watch(descriptor: pair.first) { ready in
            #expect(ready.contains(.disconnected))
            loop.stop()
        }
        try watch.setInterest(.disconnected)
        pair.close(pair.second)
        try runToEnd(loop)
    }

    @Test func anErrorStopsTheWatchAndASecondStartWorks() throws {
        let loop = try EventLoop()
        let pair = DescriptorPair(pipe: true)
        var calls = 0
        var watch: DescriptorWatch?
        watch = try loop.watch(descriptor: pair.second) { ready in
            calls += 1
            #expect(ready == [.readable, .writable, .disconnected])
            #expect(watch?.interest == [])
            if calls == 1 {
                do { try watch?.setInterest(.writable) } catch { Issue.record(error) }
            } else {
                loop.stop()
            }
        }
        // A pipe without a reader gives POLLERR.
        pair.close(pair.first)
        try watch?.setInterest(.writable)
        try runToEnd(loop)
        #expect(calls == 2)
    }

    @Test func whatCannotBeWatchedIsRefused() throws {
        let loop = try EventLoop()
        let directory = try TemporaryDirectory()
        let file = unsafe open(directory.path("file"), O_CREAT | O_RDWR, 0o600)
        #expect(file >= 0)
        defer { close(file) }
        #expect(throws: EventLoopError.self) { _ = try loop.watch(descriptor: file) { _ in } }
        #expect(throws: EventLoopError.self) { _ = try loop.watch(descriptor: 1_000_000) { _ in } }
        let pair = DescriptorPair()
        let watch = try loop.watch(descriptor: pair.first) { _ in }
        try watch.setInterest(.readable)
        #expect(throws: EventLoopError.self) { _ = try loop.watch(descriptor: pair.first) { _ in } }
        loop.close()
    }
}
