import RevokeEngine

/// Invariant 7, for what grows with neither records nor bytes: dead letters on their way and lanes without events.
extension World {
    /// How many dead letters may be on their way, and how many lanes without events may be remembered.
    private static var letterLimit: Int { 256 }
    private static var orphanLimit: Int { 1_024 }

    func checkLetterBound(_ worker: SimulatedWorker) {
        mostLetters = max(mostLetters, worker.letters.count + 1)
        if worker.letters.count >= Self.letterLimit {
            fail("memory.letters", "\(worker.letters.count + 1) dead letters in flight", worker: worker.index)
        }
    }

    func checkOrphanBound(_ worker: SimulatedWorker) {
        guard profile.contracts.count > Self.orphanLimit else { return }
        var lanes = worker.engine.snapshot(now: worker.instant(now)).lanes
        for events in worker.witness.open where !events.isEmpty { lanes -= 1 }
        for call in worker.calls where worker.witness.open[call.contract].isEmpty { lanes -= 1 }
        mostOrphans = max(mostOrphans, lanes)
        if lanes > Self.orphanLimit {
            fail("memory.orphans", "\(lanes) lanes without an event or a call", worker: worker.index)
        }
    }
}
