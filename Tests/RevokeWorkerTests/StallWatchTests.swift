import Testing

@testable import RevokeWorker

@Suite("Stalled partitions")
struct StallWatchTests {
    private func look(
        _ partition: Int32 = 0, position: Int64?, logEnd: Int64?, isPaused: Bool = false
    ) -> StallWatch.Look {
        StallWatch.Look(partition: partition, position: position, logEnd: logEnd, isPaused: isPaused)
    }

    @Test func aPositionThatStandsStillIsFoundAgainAndAgain() {
        var watch = StallWatch()
        watch.begin([(0, 10), (1, 10)])
        for now in stride(from: Int64(0), to: 60_000, by: 5_000) {
            #expect(watch.look([look(position: 12, logEnd: 20), look(1, position: 10, logEnd: 10)], now: now) == [])
        }
        // The first look saw the position move from 10 to 12.
        #expect(watch.look([look(position: 12, logEnd: 20)], now: 64_999) == [])
        #expect(watch.look([look(position: 12, logEnd: 20)], now: 65_000) == [0])
        #expect(watch.look([look(position: 12, logEnd: 20)], now: 70_000) == [])
        #expect(watch.look([look(position: 12, logEnd: 20)], now: 125_000) == [0])
        #expect(watch.look([look(position: 13, logEnd: 20)], now: 185_000) == [])
    }

    /// A damaged batch right at the assigned offset: no record ever came.
    @Test func aPartitionThatNeverDelivered() {
        var watch = StallWatch()
        watch.begin([(0, 10)])
        #expect(watch.look([look(position: nil, logEnd: 11)], now: 0) == [])
        #expect(watch.look([look(position: nil, logEnd: 11)], now: 60_000) == [0])
    }

    /// librdkafka hears nothing of a partition whose position it gave up.
    @Test func anUnknownEndIsNoProofThatAllWasRead() {
        var watch = StallWatch()
        watch.begin([(0, 10)])
        #expect(watch.look([look(position: nil, logEnd: nil)], now: 0) == [])
        #expect(watch.look([look(position: nil, logEnd: nil)], now: 60_000) == [0])
    }

    @Test func pausedOrReadToTheEndIsNoStall() {
        var watch = StallWatch()
        watch.begin([(0, 10), (1, 10), (2, 10)])
        for now in stride(from: Int64(0), through: 200_000, by: 5_000) {
            let found = watch.look(
                [
                    look(0, position: 10, logEnd: 20, isPaused: true), look(1, position: nil, logEnd: 10),
                    look(2, position: 20, logEnd: 20), look(9, position: 1, logEnd: 20),
                ], now: now)
            #expect(found == [])
        }
        #expect(watch.look([look(position: 10, logEnd: 20)], now: 205_000) == [])
        #expect(watch.look([look(position: 10, logEnd: 20)], now: 264_999) == [])
        #expect(watch.look([look(position: 10, logEnd: 20)], now: 265_000) == [0])
    }

    @Test func aNewAssignmentBeginsAnew() {
        var watch = StallWatch()
        watch.begin([(0, 10)])
        _ = watch.look([look(position: 10, logEnd: 20)], now: 0)
        watch.begin([(0, 10)])
        #expect(watch.look([look(position: 10, logEnd: 20)], now: 60_000) == [])
        watch.begin([])
        #expect(watch.look([look(position: 10, logEnd: 20)], now: 200_000) == [])
    }
}
