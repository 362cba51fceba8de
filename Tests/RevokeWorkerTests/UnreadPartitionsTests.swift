import Testing

@testable import RevokeWorker

@Suite("Unread partitions")
struct UnreadPartitionsTests {
    private func begun(_ partitions: [Int32] = [0, 1]) -> UnreadPartitions {
        var unread = UnreadPartitions()
        unread.begin(partitions, now: 0)
        return unread
    }

    private func reasons(_ unread: UnreadPartitions) -> [Int32: UnreadReason] {
        Dictionary(uniqueKeysWithValues: unread.all.map { ($0.partition, $0.reason) })
    }

    @Test func aLeaderThatDoesNotAnswerIsAskedAgainAndToldOnce() {
        var unread = begun()
        #expect(unread.nextDue == 0)
        #expect(unread.takeDue(now: 0) == [0, 1])
        #expect(unread.takeDue(now: 0) == [])
        #expect(unread.nextDue == nil)
        #expect(unread.answered(0)?.question == .ends)
        #expect(unread.notAnswered(1, now: 3_000) == true)
        #expect(reasons(unread) == [1: .noLeader])
        var due: [Int64] = []
        for _ in 0..<8 {
            let next = unread.nextDue ?? 0
            due.append(next)
            #expect(unread.takeDue(now: next - 1) == [])
            #expect(unread.takeDue(now: next) == [1])
            #expect(unread.notAnswered(1, now: next) == false)
        }
        #expect(due == [4_000, 6_000, 10_000, 18_000, 34_000, 66_000, 126_000, 186_000])
        #expect(unread.takeDue(now: 246_000) == [1])
        #expect(unread.answered(1)?.isBack == true)
        #expect(unread.all.isEmpty)
        #expect(unread.nextDue == nil)
    }

    /// A damaged batch loses the same position again and again; another partition is not held up by it.
    @Test func aPositionThatIsLostAgainWaitsLonger() {
        var unread = begun()
        for partition in unread.takeDue(now: 0) { _ = unread.answered(partition) }
        var waits: [Int64] = []
        var now: Int64 = 100_000
        for round in 0..<9 {
            let isNews = unread.positionLost(0, next: 7, now: now)
            #expect(isNews == (round == 0))
            let due = unread.nextDue ?? 0
            waits.append(due - now)
            now = due
            #expect(unread.takeDue(now: now) == [0])
            #expect(unread.answered(0)?.question == .lost(next: 7))
            #expect(reasons(unread) == [0: .positionLost])
        }
        #expect(waits == [0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
        #expect(unread.positionLost(1, next: 3, now: now) == true)
        #expect(unread.nextDue == now)
        // A record comes: all is well, and the next loss is repaired at once when it comes later.
        #expect(unread.progressed(0, next: 8) == true)
        #expect(reasons(unread) == [1: .positionLost])
        #expect(unread.positionLost(0, next: 8, now: now + 60_000) == true)
        #expect(unread.takeDue(now: now + 60_000) == [0, 1])
    }

    @Test func aLossThatComesWhileTheLeaderIsAskedIsAskedAgain() {
        var unread = begun([0])
        #expect(unread.takeDue(now: 0) == [0])
        #expect(unread.positionLost(0, next: 7, now: 10) == true)
        // The answer on its way is that of the first question.
        #expect(unread.answered(0)?.question == .lost(next: 7))
    }

    @Test func aStallIsExplained() {
        var unread = begun([0])
        #expect(unread.takeDue(now: 0) == [0])
        _ = unread.answered(0)
        unread.stalled(0, next: 5, now: 60_000)
        #expect(unread.all.isEmpty)
        #expect(unread.takeDue(now: 60_000) == [0])
        #expect(unread.answered(0)?.question == .stalled(next: 5))
        #expect(unread.explain(0, .openTransaction) == true)
        #expect(unread.explain(0, .openTransaction) == false)
        #expect(reasons(unread) == [0: .openTransaction])
        #expect(unread.progressed(0, next: 5) == false)
        #expect(unread.progressed(0, next: 6) == true)
        #expect(unread.all.isEmpty)
    }

    @Test func aNewAssignmentBeginsAnew() {
        var unread = begun()
        _ = unread.takeDue(now: 0)
        _ = unread.notAnswered(0, now: 0)
        unread.begin([1], now: 5)
        #expect(unread.all.isEmpty)
        #expect(unread.partitions == [1])
        #expect(unread.notAnswered(0, now: 6) == false)
        #expect(unread.answered(1) == nil)
    }
}
