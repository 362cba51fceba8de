import EventLoop
import Foundation
import Synchronization
import Testing
import Threads

@Suite("Wake-ups")
struct WakeupTests {
    @Test func signalsAreCoalesced() throws {
        let loop = try EventLoop()
        var calls = 0
        var wakeup: Wakeup?
        wakeup = try loop.makeWakeup {
            calls += 1
            wakeup?.close()
        }
        // The loop does not run yet, so all of them are one.
        for _ in 0..<1_000 { wakeup?.signal() }
        loop.run()
        #expect(calls == 1)
        loop.close()
    }

    /// Whatever a thread wrote before it signalled is seen by a call of the handler after that.
    @Test func noSignalOfManyThreadsIsLost() throws {
        final class Shared: Sendable {
            let done = Atomic(0)
        }
        let threads = 8
        let each = 5_000
        let loop = try EventLoop()
        let shared = Shared()
        let wakeup = try loop.makeWakeup {
            if shared.done.load(ordering: .acquiring) == threads * each { loop.stop() }
        }
        for _ in 0..<threads {
            Thread.detachNewThread {
                for _ in 0..<each {
                    shared.done.add(1, ordering: .acquiringAndReleasing)
                    wakeup.signal()
                }
            }
        }
        try runToEnd(loop)
        #expect(shared.done.load(ordering: .acquiring) == threads * each)
        wakeup.signal()
        wakeup.close()
    }

    @Test func afterCloseNothingIsCalled() throws {
        let loop = try EventLoop()
        let wakeup = try loop.makeWakeup { Issue.record("called") }
        wakeup.signal()
        wakeup.close()
        wakeup.close()
        wakeup.signal()
        loop.run()
        loop.close()
        wakeup.signal()
    }

    /// Threads signal without pause while the handle is closed and freed, by itself or with its loop.
    @Test(arguments: [true, false])
    func closeRacesWithSignals(byItself: Bool) throws {
        final class Shared: Sendable {
            let stop = Atomic(false)
            let running = Atomic(0)
            let ended = DispatchSemaphore(value: 0)
        }
        for _ in 0..<50 {
            let shared = Shared()
            let loop = try EventLoop()
            var calls = 0
            let box = Monitor<Wakeup?>(nil)
            let wakeup = try loop.makeWakeup {
                calls += 1
                if calls == 3 {
                    if byItself { box.withLock { $0?.close() } } else { loop.stop() }
                }
            }
            box.withLock { $0 = wakeup }
            for _ in 0..<2 {
                Thread.detachNewThread {
                    while !shared.stop.load(ordering: .relaxed) { wakeup.signal() }
                    shared.ended.signal()
                }
            }
            loop.run()
            loop.close()
            #expect(calls == 3)
            shared.stop.store(true, ordering: .relaxed)
            for _ in 0..<2 { #expect(shared.ended.wait(timeout: .now() + 20) == .success) }
        }
    }

    @Test func closeOnAnotherThreadLetsTheLoopEnd() throws {
        let loop = try EventLoop()
        let wakeup = try loop.makeWakeup { Issue.record("called") }
        Thread.detachNewThread { wakeup.close() }
        loop.run()
        loop.close()
    }
}
