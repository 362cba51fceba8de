import EventLoop
import Foundation
import Testing

@Suite("Signals")
struct SignalTests {
    @Test func everyDeliveryIsTold() throws {
        let loop = try EventLoop()
        var calls = 0
        let watch = try loop.onSignal(SIGUSR2, oneShot: false) {
            calls += 1
            if calls < 3 { kill(getpid(), SIGUSR2) } else { loop.stop() }
        }
        kill(getpid(), SIGUSR2)
        try runToEnd(loop)
        #expect(calls == 3)
        #expect(watch.isClosed)
    }

    @Test func whatIsNoSignalIsRefused() throws {
        let loop = try EventLoop()
        #expect(throws: EventLoopError.self) { _ = try loop.onSignal(0, oneShot: true) {} }
        #expect(throws: EventLoopError.self) { _ = try loop.onSignal(SIGKILL, oneShot: true) {} }
        #expect(throws: EventLoopError.self) { _ = try loop.onSignal(1_000, oneShot: true) {} }
        loop.close()
    }

    /// The first delivery is handled, and the loop ends by itself: the watch does not keep it running any more.
    @Test func aOneShotSignalIsHandledOnce() async {
        await #expect(processExitsWith: .exitCode(7)) {
            // The bound: a child that hangs ends by another signal than the expected one.
            alarm(20)
            let loop = try EventLoop()
            var calls = 0
            let watch = try loop.onSignal(SIGTERM, oneShot: true) { calls += 1 }
            kill(getpid(), SIGTERM)
            loop.run()
            exit(calls == 1 && !watch.isClosed ? 7 : 8)
        }
    }

    /// The handler of the first delivery never returns, so the loop is stuck: the second one must end the process.
    @Test func theSecondDeliveryEndsAStuckLoop() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            // The bound: a child that hangs ends by another signal than the expected one.
            alarm(20)
            let loop = try EventLoop()
            let watch = try loop.onSignal(SIGTERM, oneShot: true) {
                kill(getpid(), SIGTERM)
                while true { pause() }
            }
            kill(getpid(), SIGTERM)
            loop.run()
            _ = watch.isClosed
            exit(8)
        }
    }

    /// The default disposition of SIGWINCH is to ignore it, as the kernel does with every signal of process 1: the
    /// process ends all the same.
    @Test func theSecondDeliveryEndsProcessOneToo() async {
        await #expect(processExitsWith: .exitCode(128 + SIGWINCH)) {
            // The bound: a child that hangs ends by another signal than the expected one.
            alarm(20)
            let loop = try EventLoop()
            let watch = try loop.onSignal(SIGWINCH, oneShot: true) {
                kill(getpid(), SIGWINCH)
                while true { pause() }
            }
            kill(getpid(), SIGWINCH)
            loop.run()
            _ = watch.isClosed
            exit(8)
        }
    }

    @Test func closingAOneShotWatchRestoresTheDefault() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            // The bound: a child that hangs ends by another signal than the expected one.
            alarm(20)
            let loop = try EventLoop()
            let watch = try loop.onSignal(SIGTERM, oneShot: true) { exit(8) }
            watch.close()
            loop.run()
            kill(getpid(), SIGTERM)
            while true { pause() }
        }
    }
}
