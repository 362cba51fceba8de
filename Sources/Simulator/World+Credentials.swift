import RevokeEngine

/// The contracts' credentials at the API: active, revoked, regenerated meanwhile.
extension World {
    struct Credential {
        var created: Int64
        var isActive = true
    }

    /// A revoke-all on its way through the API.
    struct Revocation {
        var serial: UInt64
        var contract: Int
        /// The sequence number at the start of the call.
        var sequence: Int
    }

    /// The API has a request that it will apply.
    func beginRevocation(_ call: SimulatedWorker.Call, at time: Int64) {
        revocationSerial += 1
        revocations.append(
            Revocation(serial: revocationSerial, contract: call.contract, sequence: call.sequence))
        agenda.add(at: time, .revocation, number: revocationSerial)
    }

    /// The API applies a revoke-all: what is active then is revoked, also what was regenerated meanwhile.
    func applyRevocation(_ serial: UInt64) {
        guard let index = revocations.firstIndex(where: { $0.serial == serial }) else { return }
        let revocation = revocations.remove(at: index)
        let contract = revocation.contract
        trace.add(contract)
        appliedSequence[contract] = max(appliedSequence[contract], revocation.sequence)
        for place in credentials[contract].indices where credentials[contract][place].isActive {
            credentials[contract][place].isActive = false
            trace.line(
                "\(now) the credential of \(credentials[contract][place].created) is revoked",
                contract: Topic.contractBase + Int64(contract))
        }
        let key = Int64(serial)
        guard phase == .faults, dice.chance(400, .regeneration, Int64(contract), key) else { return }
        agenda.add(
            at: now + dice.between(1_000, 30_000, .regeneration, Int64(contract), key, 1), .regenerate,
            number: UInt64(contract))
    }

    /// The pipeline, or the contract's owner, makes new credentials; the old ones end with that, or stay.
    func regenerate(_ contract: Int) {
        trace.add(contract)
        trace.line("\(now) credentials are regenerated", contract: Topic.contractBase + Int64(contract))
        if dice.chance(500, .regeneration, Int64(contract), now, 2) {
            for place in credentials[contract].indices { credentials[contract][place].isActive = false }
        }
        credentials[contract].append(Credential(created: now))
    }

    /// Whether a credential is active that was so when an event, or the first copy that is identical, was written.
    func isLeakActive(_ id: Int) -> Bool {
        let record = topic.records[id]
        let written = oldestCopy(record)
        return credentials[record.contract].contains { $0.isActive && $0.created <= written }
    }
}
