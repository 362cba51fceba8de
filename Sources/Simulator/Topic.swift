import RevokeEngine
import RevokeModel

/// A record of the simulated log.
struct LogRecord {
    var partition: Int
    /// The record's place among all records that the partition ever had.
    var local: Int
    var offset: Int64
    /// Which log of the partition: the topic can be made anew.
    var incarnation: Int
    var fingerprint: UInt64
    var content: ReceivedRecord.Content
    /// The contract's index, or −1.
    var contract: Int
    /// Records with the same number are identical copies.
    var copy: Int64
    var size: Int64
    var appended: Int64
    /// Deleted by retention or compaction, or with its log.
    var isGone = false
    /// Settled, as the world knows it.
    var isSettled = false
    var isUnknownAccount = false
}

/// What the group has committed for a partition, with what the committing worker knew.
struct StoredCommit {
    var offset: Int64
    var metadata: [UInt8]
    /// What the committing worker knew to be settled, by place in the partition.
    var known: BitSet
    /// What the metadata has to say: settled in the committing worker's epoch or said by the metadata that it read.
    var must = BitSet()
    /// What the metadata has to say was called.
    var called = BitSet()
    /// The highest offset that it or an owner before it may have called, at most, and whether nothing of it was in flight.
    var mayBeCalled: Int64 = -1
    var isClean = false
    /// The place of the first record at the offset or above that the committing worker had read, or −1.
    var firstOpen: Int
    var incarnation: Int
    /// Foreign hands changed the metadata since it was stored.
    var isDamaged = false
}

/// A partition: its log and its committed offset.
struct PartitionLog {
    /// The ids of all records that the partition ever had.
    var ids: [Int] = []
    /// The place of the first record of the present log.
    var firstPlace = 0
    var incarnation = 0
    var start: Int64 = 0
    var end: Int64 = 0
    var committed: StoredCommit?
    /// Records that wait until the log that was made anew is assigned.
    var waiting: [(ProducedRecord, Int)] = []
    var isBeingRecreated = false
    /// At the next assignment another log stands here, which has records at the committed offset.
    var isToBeReplaced = false
}

/// The topic and the group's committed offsets.
struct Topic {
    /// The contract id of index 0.
    static let contractBase: Int64 = 1_000

    var logs: [PartitionLog]
    var records: [LogRecord] = []
    /// The ids of the records that are open, as the world knows it, by kind.
    var openOrdinary = 0
    var openPoison = 0

    init(partitions: Int) { logs = Array(repeating: PartitionLog(), count: partitions) }

    /// The place of the first record of the present log at an offset or above, gone or not.
    func place(_ partition: Int, atOrAbove offset: Int64) -> Int {
        let log = logs[partition]
        var low = log.firstPlace
        var high = log.ids.count
        while low < high {
            let middle = (low + high) / 2
            if records[log.ids[middle]].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
