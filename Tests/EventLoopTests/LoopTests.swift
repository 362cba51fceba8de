import EventLoop
import Foundation
import Testing

@Suite("The loop itself")
struct LoopTests {
    @Test func runReturnsWhenNothingIsLeft() throws {
        let loop = try EventLoop()
        loop.run()
        loop.close()
        loop.close()
        #expect(loop.isClosed)
    }

    @Test func stopEndsTheRunAndASecondRunGoesOn() throws {
        let loop = try EventLoop()
        var fired = 0
        let timer = try loop.makeTimer {
            fired += 1
            loop.stop()
        }
        timer.start(after: 1, repeating: 1)
        loop.run()
        #expect(fired == 1)
        loop.run()
        #expect(fired == 2)
        loop.close()
        #expect(timer.isClosed)
    }

    @Test func stopBeforeRunReturnsAtOnce() throws {
        let loop = try EventLoop()
        let timer = try loop.makeTimer { Issue.record("fired") }
        timer.start(after: 60_000)
        loop.stop()
        loop.run()
        loop.stop()
        loop.close()
    }

    @Test func runAndCloseInAHandlerDoNothing() throws {
        let loop = try EventLoop()
        let timer = try loop.makeTimer {
            loop.run()
            loop.close()
            #expect(!loop.isClosed)
        }
        timer.start(after: 0)
        loop.run()
        loop.close()
    }

    @Test func aClosedLoopRefusesEverything() throws {
        let loop = try EventLoop()
        let pair = DescriptorPair()
        let watch = try loop.watch(descriptor: pair.first) { _ in }
        let timer = try loop.makeTimer {}
        loop.close()
        loop.run()
        loop.stop()
        timer.start(after: 1)
        timer.stop()
        timer.close()
        func expectRefusal(_ attempt: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) {
            do {
                try attempt()
                Issue.record("not refused", sourceLocation: sourceLocation)
            } catch {
                #expect((error as? EventLoopError)?.name == "ECANCELED", sourceLocation: sourceLocation)
            }
        }
        expectRefusal { _ = try loop.makeTimer {} }
        expectRefusal { _ = try loop.watch(descriptor: 0) { _ in } }
        expectRefusal { _ = try loop.onSignal(SIGUSR1, oneShot: false) {} }
        expectRefusal { _ = try loop.makeWakeup {} }
        expectRefusal { try loop.offload({ 1 }, then: { _ in }) }
        expectRefusal { _ = try loop.watchFile("/tmp/x", pollInterval: 1_000) {} }
        expectRefusal { _ = try loop.beforeBlocking {} }
        expectRefusal { try watch.setInterest(.readable) }
    }

    /// Handlers that are dropped without `close` go when the loop is closed, and so does what they hold.
    @Test func closingTheLoopReleasesHandlers() throws {
        final class Witness {}
        weak var seen: Witness?
        do {
            let loop = try EventLoop()
            let witness = Witness()
            seen = witness
            try loop.makeTimer { _ = witness }.start(after: 60_000, repeating: 1)
            _ = try loop.makeWakeup { _ = witness }
            _ = try loop.beforeBlocking { _ = witness }
            _ = try loop.watchFile("/tmp/none", pollInterval: 60_000) { _ = witness }
            #expect(seen != nil)
            loop.close()
        }
        #expect(seen == nil)
    }

    @Test func aDroppedLoopIsClosed() throws {
        final class Witness {}
        weak var seen: Witness?
        do {
            let witness = Witness()
            seen = witness
            let loop = try EventLoop()
            try loop.makeTimer { _ = witness }.start(after: 60_000)
        }
        #expect(seen == nil)
    }

    @Test func theHookIsCalledOnceATurnAndDoesNotKeepTheLoop() throws {
        let loop = try EventLoop()
        var trace: [String] = []
        let hook = try loop.beforeBlocking { trace.append("hook") }
        let first = try loop.makeTimer { trace.append("first") }
        let second = try loop.makeTimer { trace.append("second") }
        first.start(after: 0)
        second.start(after: 20)
        loop.run()
        // The hook comes at least once after `first` and before the wait for `second`; what is in one turn is not split.
        let start = try #require(trace.firstIndex(of: "first"))
        let end = try #require(trace.firstIndex(of: "second"))
        #expect(trace[start..<end].contains("hook"))
        hook.close()
        trace = []
        first.start(after: 0)
        loop.run()
        #expect(trace == ["first"])
        loop.close()
    }

    @Test func theClocksAreInMilliseconds() {
        let boot = EventLoop.boottime()
        #expect(boot <= EventLoop.boottimeNanoseconds() / 1_000_000)
        // 2020 to 2100.
        #expect((1_577_836_800_000..<4_102_444_800_000).contains(EventLoop.wallTime()))
    }

    @Test func anErrorTellsCodeNameAndOperation() throws {
        let loop = try EventLoop()
        do throws(EventLoopError) {
            _ = try loop.watch(descriptor: -1) { _ in }
            Issue.record("no error")
        } catch {
            #expect(error.code == -EBADF)
            #expect(error.name == "EBADF")
            #expect(error.operation == "uv_poll_init")
            #expect(error.description == "uv_poll_init: EBADF: bad file descriptor")
        }
        loop.close()
    }
}
