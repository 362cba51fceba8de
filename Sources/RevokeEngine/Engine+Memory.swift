import RevokeModel

/// What open records cost.
extension Engine {
    /// The most bytes that an open record takes in the engine, beside its own bytes: its place, its lane with the
    /// dictionary's entry, its places in the ledger, in a queue and among the timers, and those in the lists of free
    /// places. Arrays and rings double as they grow, so each place can have an empty one beside it.
    ///
    /// A part of `ReceivedRecord.size`, so that the window in bytes bounds what is really held.
    public static var recordOverhead: Int64 {
        let places =
            MemoryLayout<Entry>.stride + MemoryLayout<Lane>.stride + MemoryLayout<Ledger.Slot?>.stride
            + MemoryLayout<LaneTicket?>.stride + MemoryLayout<TimerHeap.Item>.stride + 2 * MemoryLayout<Int32>.stride
        // The contract and the lane's index, at a load of 3/4.
        let lookup = (MemoryLayout<ContractID>.stride + MemoryLayout<Int32>.stride) * 4 / 3
        return Int64(2 * (places + lookup))
    }
}
