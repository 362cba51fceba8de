import RevokeEngine
import RevokeModel

/// That things happen when they are due: the engine says when it wants its next turn, and between two turns nothing may
/// become due.
extension World {
    /// Before the time that the engine names nothing is due: a copy of it that has a turn earlier does nothing.
    ///
    /// The world gives a turn each second anyway, as the worker does, so that a wake that is forgotten shows here alone.
    func checkWake(_ worker: SimulatedWorker, due: Int64) {
        guard dice.chance(80, .wakeCheck, Int64(worker.index), Int64(steps)) else { return }
        let end = min(due, now + 1_000)
        guard end > now + 1 else { return }
        let time = dice.between(now + 1, end - 1, .wakeCheck, Int64(worker.index), Int64(steps), 1)
        var engine = worker.engine
        var actions: [EngineAction] = []
        engine.turn(now: worker.instant(time))
        engine.takeActions(into: &actions)
        for action in actions {
            switch action {
            case .note, .release, .settled: continue
            case .startCall, .produceDeadLetter, .commit, .assign, .reassign, .rejoin, .unassign, .pause, .resume,
                .shutdownComplete:
                break
            }
            fail(
                "engine.late-wake", "the engine wants no turn before \(due), and at \(time) it would do: \(action)",
                worker: worker.index)
            return
        }
    }

    /// A drain ends when nothing is in flight any more and its commit has its answer: the whole group waits for it.
    func checkDrainEnds(_ worker: SimulatedWorker) {
        let witness = worker.witness
        guard case .revoke(_, isLost: false) = witness.pending else {
            witness.quietSince = nil
            return
        }
        guard isQuiet(worker), worker.commitInFlight == nil, !witness.lastCommitFailed else {
            witness.quietSince = nil
            return
        }
        let since = witness.quietSince ?? now
        witness.quietSince = since
        if now - since > profile.engine.commitInterval + 100 {
            fail("drain.idle", "a drain goes on for \(now - since) ms with nothing in flight", worker: worker.index)
        }
    }
}
