import EventLoop
import Testing

@Suite("Timers")
struct TimerTests {
    @Test func aOneShotTimerFiresOnce() throws {
        let loop = try EventLoop()
        var fired = 0
        let timer = try loop.makeTimer { fired += 1 }
        timer.start(after: 1)
        loop.run()
        #expect(fired == 1)
        loop.close()
    }

    @Test func aRepeatingTimerIsStoppedInItsOwnHandler() throws {
        let loop = try EventLoop()
        var fired = 0
        var timer: LoopTimer?
        timer = try loop.makeTimer {
            fired += 1
            if fired == 3 { timer?.stop() }
        }
        timer?.start(after: 0, repeating: 1)
        loop.run()
        #expect(fired == 3)
        loop.close()
    }

    @Test func aTimerIsStartedAnewInItsOwnHandler() throws {
        let loop = try EventLoop()
        var fired = 0
        var timer: LoopTimer?
        timer = try loop.makeTimer {
            fired += 1
            if fired < 4 { timer?.start(after: Int64(fired % 2)) }
        }
        timer?.start(after: 0)
        loop.run()
        #expect(fired == 4)
        loop.close()
    }

    @Test func aTimerIsClosedInItsOwnHandler() throws {
        let loop = try EventLoop()
        var fired = 0
        var timer: LoopTimer?
        timer = try loop.makeTimer {
            fired += 1
            timer?.close()
            timer?.start(after: 0)
            timer?.close()
        }
        timer?.start(after: 0, repeating: 1)
        loop.run()
        #expect(fired == 1)
        #expect(timer?.isClosed == true)
        loop.close()
    }

    @Test func aTimerClosedByAnotherHandlerInTheSameTurnDoesNotFire() throws {
        let loop = try EventLoop()
        var second: LoopTimer?
        let first = try loop.makeTimer { second?.close() }
        second = try loop.makeTimer { Issue.record("fired") }
        first.start(after: 0)
        second?.start(after: 0)
        loop.run()
        loop.close()
    }

    @Test func aDroppedTimerFires() throws {
        let loop = try EventLoop()
        var fired = 0
        try loop.makeTimer { fired += 1 }.start(after: 1)
        loop.run()
        #expect(fired == 1)
        loop.close()
    }

    /// A lower bound only, which no load can break: the contract is "never earlier". A second timer keeps the loop awake
    /// all the time, so that the rounding of the system's waits does not hide libuv's whole milliseconds.
    @Test(arguments: [1, 2, 3, 7] as [Int64])
    func aTimerNeverFiresEarlier(delay: Int64) throws {
        let loop = try EventLoop()
        var spinner: LoopTimer?
        spinner = try loop.makeTimer { spinner?.start(after: 0) }
        for _ in 0..<20 {
            let start = EventLoop.boottimeNanoseconds()
            let timer = try loop.makeTimer {
                #expect(EventLoop.boottimeNanoseconds() - start >= delay * 1_000_000)
                spinner?.stop()
                loop.stop()
            }
            spinner?.start(after: 0)
            timer.start(after: delay)
            loop.run()
            timer.close()
        }
        loop.close()
    }

    /// A handler that starts its own timer again does not keep the loop from its other work: libuv 1.44 calls a timer of
    /// 0 ms that is started in a timer's handler again in the same turn.
    @Test func aTimerThatIsStartedInItsHandlerFiresOnceATurn() throws {
        let loop = try EventLoop()
        var fired = 0
        var inThisTurn = 0
        var most = 0
        var timer: LoopTimer?
        timer = try loop.makeTimer {
            fired += 1
            inThisTurn += 1
            most = max(most, inThisTurn)
            if fired < 100 { timer?.start(after: 0) }
        }
        let hook = try loop.beforeBlocking { inThisTurn = 0 }
        let pair = DescriptorPair()
        var firedBeforeDescriptor: Int?
        var watch: DescriptorWatch?
        watch = try loop.watch(descriptor: pair.first) { _ in
            firedBeforeDescriptor = fired
            watch?.close()
        }
        try watch?.setInterest(.readable)
        send("x", to: pair.second)
        timer?.start(after: 0)
        try loop.makeTimer { timer?.start(after: 0) }.start(after: 1)
        loop.run()
        hook.close()
        loop.close()
        #expect(fired >= 100)
        #expect(most == 1)
        #expect(firedBeforeDescriptor.map { $0 <= 2 } == true)
    }

    /// Handlers that take longer than their timers' delays: each start reads the clock, and none makes another timer due
    /// in the turn that runs.
    @Test func slowHandlersOfShortTimersLetTheLoopTurn() throws {
        let loop = try EventLoop()
        var fired = 0
        var inThisTurn: [Int] = [0, 0]
        var most = 0
        var timers: [LoopTimer] = []
        for index in 0..<2 {
            timers.append(
                try loop.makeTimer {
                    fired += 1
                    inThisTurn[index] += 1
                    most = max(most, inThisTurn[index])
                    let begin = EventLoop.boottimeNanoseconds()
                    while EventLoop.boottimeNanoseconds() - begin < 5_000_000 {}
                    if fired < 20 { timers[index].start(after: 1) }
                })
        }
        let hook = try loop.beforeBlocking { inThisTurn = [0, 0] }
        for timer in timers { timer.start(after: 1) }
        loop.run()
        hook.close()
        for timer in timers { timer.close() }
        loop.close()
        #expect(fired >= 20)
        #expect(most == 1)
    }

    /// Stopped or started anew while it is due: only the last start counts.
    @Test func aTimerThatIsDueCanBeStoppedAndStarted() throws {
        let loop = try EventLoop()
        var fired = 0
        let stopped = try loop.makeTimer { Issue.record("fired") }
        let restarted = try loop.makeTimer { fired += 1 }
        stopped.start(after: 0)
        stopped.stop()
        for _ in 0..<3 { restarted.start(after: 0) }
        restarted.start(after: 1)
        loop.run()
        #expect(fired == 1)
        loop.close()
    }

    @Test func extremeDelaysAreAccepted() throws {
        let loop = try EventLoop()
        let far = try loop.makeTimer { Issue.record("fired") }
        far.start(after: .max, repeating: .max)
        var fired = false
        let near = try loop.makeTimer {
            fired = true
            far.close()
        }
        near.start(after: .min, repeating: .min)
        loop.run()
        #expect(fired)
        loop.close()
    }

    @Test func closeReleasesWhatTheHandlerHolds() throws {
        final class Witness {}
        let loop = try EventLoop()
        weak var seen: Witness?
        do {
            let witness = Witness()
            seen = witness
            // The handler holds the timer, which is what a handler that restarts its timer does.
            var timer: LoopTimer?
            timer = try loop.makeTimer { _ = (witness, timer) }
            timer?.close()
        }
        loop.run()
        #expect(seen == nil)
        loop.close()
    }
}
