import EventLoop
import Foundation
import Synchronization
import Testing

@Suite("Work on other threads")
struct OffloadTests {
    @Test func resultsComeBackOnTheLoop() throws {
        let loop = try EventLoop()
        let home = UInt(pthread_self())
        var results: [Int] = []
        for number in 0..<100 {
            try loop.offload {
                (number * number, UInt(pthread_self()))
            } then: { (square, thread) in
                #expect(thread != home)
                #expect(UInt(pthread_self()) == home)
                results.append(square)
            }
        }
        loop.run()
        #expect(results.sorted() == (0..<100).map { $0 * $0 })
        loop.close()
    }

    @Test func theLoopGoesOnWhileWorkBlocks() throws {
        let gate = DispatchSemaphore(value: 0)
        let loop = try EventLoop()
        var trace: [String] = []
        try loop.offload {
            gate.wait(timeout: .now() + 20) == .success
        } then: { opened in
            #expect(opened)
            trace.append("work")
        }
        let timer = try loop.makeTimer {
            trace.append("timer")
            gate.signal()
        }
        timer.start(after: 1)
        loop.run()
        #expect(trace == ["timer", "work"])
        loop.close()
    }

    @Test func closeWaitsForWorkAndCallsNothing() throws {
        final class Shared: Sendable {
            let begun = DispatchSemaphore(value: 0)
            let ended = Atomic(false)
        }
        let shared = Shared()
        let loop = try EventLoop()
        try loop.offload {
            shared.begun.signal()
            usleep(10_000)
            shared.ended.store(true, ordering: .releasing)
        } then: {
            Issue.record("called after close")
        }
        #expect(shared.begun.wait(timeout: .now() + 20) == .success)
        loop.close()
        let ended = shared.ended.load(ordering: .acquiring)
        #expect(ended)
    }
}
