import RevokeEngine

/// How the API treats a contract in a world without other trouble.
enum ContractKind: UInt8, Sendable {
    /// 204.
    case healthy
    /// 404: no such contract.
    case unknown
    /// 403.
    case forbidden
    /// 409 for ever; ends as a permanent answer.
    case conflicting
    /// 409 twice, then 204.
    case busy
    /// 500 for ever (poison).
    case failing
    /// A firewall's page for ever (poison).
    case paged
    /// No complete answer for ever (poison).
    case silent
    /// 401 for ever while other contracts are good (poison).
    case refused

    /// Whether the contract's events stay open until the contract heals.
    var isPoison: Bool {
        switch self {
        case .failing, .paged, .silent, .refused: true
        case .healthy, .unknown, .forbidden, .conflicting, .busy: false
        }
    }
}

/// What a world is made of, drawn from its seed.
struct Profile: Sendable {
    var engine = EngineConfiguration()
    var partitions = 8
    var workers = 3
    /// Workers that start later, by a fault.
    var spares = 1
    /// How the API treats each contract.
    var contracts: [ContractKind] = []
    /// When the producers' records and the short faults are over.
    var activityEnd: Int64 = 60_000
    /// When the last fault ends: as `activityEnd`, or after an outage that is longer than the retry limit.
    var faultsEnd: Int64 = 60_000
    var requestDeadline: Int64 = 10_000
    /// Whether the coordinator refuses commits while members join (the mock cluster does, a real broker does not).
    var refusesCommitsDuringJoin = false
    /// The broker's `offset.metadata.max.bytes`.
    var brokerMetadataLimit = 4_096
    /// The largest record of the dead-letter topic.
    var deadLetterLimit: Int64 = 10_000
    /// The rebalance timeout (`max.poll.interval.ms`).
    var rebalanceTimeout: Int64 = 60_000
    /// Whether poison never heals, so that `contractRetryLimit` has to end it.
    var poisonStays = false
    /// No valid event before this time.
    var malformedUntil: Int64 = 0
    /// How often a request waits for its connection, in a thousand.
    var connectionWaits: UInt64 = 30
    /// Whether members keep their partitions when the group stays the same, and a fetch may take seconds.
    var isSticky = false
    /// The API's own windows, shared with another program; empty when it has none.
    var apiWindows: [BudgetWindow] = []
    /// How long a Retry-After may be at times, in milliseconds.
    var longRetryAfters: [Int64] = []
    /// How far the workers' wall clocks are from the true date, at most.
    var skew: Int64 = 0
    /// Whether metadata may be cut or refused, so that what travels in it is not complete.
    var metadataIsCut: Bool { engine.metadataLimit < 2_048 || brokerMetadataLimit < engine.metadataLimit }

    /// The profile as a line of text.
    var text: String {
        var text = "\(partitions) partitions, \(workers) workers, concurrency \(engine.concurrency), budget"
        for window in engine.budget { text += " \(window.limit)/\(window.duration)ms" }
        text += ", session \(engine.sessionTimeout), drain \(engine.drainLimit), deadline \(requestDeadline)"
        text += ", window \(engine.windowRecords), commit count \(engine.commitCount), backoff cap \(engine.backoffCap)"
        text += ", undecodable \(engine.undecodableLimit), metadata \(engine.metadataLimit)/\(brokerMetadataLimit)"
        text += ", skew \(skew)"
        if !apiWindows.isEmpty { text += ", API" }
        for window in apiWindows { text += " \(window.limit)/\(window.duration)ms" }
        text += longRetryAfters.isEmpty ? "" : ", long Retry-After"
        text += isSticky ? ", members keep their partitions" : ""
        text += refusesCommitsDuringJoin ? ", commits during a join are refused" : ""
        text += ", faults end at \(faultsEnd), contracts"
        for (index, kind) in contracts.enumerated() where kind != .healthy {
            text += " \(Topic.contractBase + Int64(index)):\(kind)"
        }
        return text
    }

    /// Whether the metadata may be too small for even the charges, so that the budget is not kept.
    var losesCharges: Bool { min(engine.metadataLimit, brokerMetadataLimit) < 280 }

    /// Draws a profile.
    static func draw(_ generator: inout Generator) -> Profile {
        var profile = Profile()
        profile.partitions = Int(generator.between(8, 12))
        profile.workers = Int(generator.between(3, 5))
        profile.spares = 1
        profile.activityEnd = generator.between(50_000, 110_000)
        profile.faultsEnd = profile.activityEnd
        profile.requestDeadline = generator.between(5_000, 10_000)
        profile.refusesCommitsDuringJoin = generator.chance(300)
        profile.connectionWaits = generator.chance(200) ? 300 : 30

        profile.skew = generator.pick([0, 0, 20, 400])

        profile.engine.concurrency = Int(generator.pick([1, 2, 4, 8, 8, 16]))
        switch generator.between(0, 9) {
        case 0: profile.engine.budget = []
        case 1, 2: break
        case 3, 4:
            profile.engine.budget = [
                BudgetWindow(limit: 24, duration: 2_000), BudgetWindow(limit: 160, duration: 20_000),
            ]
        case 5, 6: profile.engine.budget = [BudgetWindow(limit: 40, duration: 5_000)]
        case 7: profile.engine.budget = [BudgetWindow(limit: 17, duration: 1_000)]
        default:
            profile.engine.budget = [
                BudgetWindow(limit: 30, duration: 5_000), BudgetWindow(limit: 200, duration: 60_000),
            ]
        }
        profile.engine.sessionTimeout = generator.between(12_000, 18_000)
        profile.engine.drainLimit = max(
            profile.engine.sessionTimeout + 1_000, profile.requestDeadline + 2_000, generator.between(13_000, 19_000))
        if generator.chance(250) {
            profile.engine.windowRecords = 48
            profile.engine.minimumPartitionRecords = 4
            profile.engine.windowBytes = 24 << 10
        }
        profile.engine.commitCount = generator.chance(300) ? 3 : 1_000
        profile.engine.unknownAccountParking = 15_000
        // Short backoffs of poison would use a small budget up.
        let isBudgetSmall = profile.engine.budget.contains { $0.duration > 5_000 }
        profile.engine.backoffCap = generator.chance(500) || isBudgetSmall ? 20_000 : 3_000
        profile.engine.skipUnknownTypes = generator.chance(300)
        if generator.chance(120) {
            profile.engine.undecodableLimit = 3
            profile.malformedUntil = 15_000
        }
        switch generator.between(0, 15) {
        case 0: profile.engine.metadataLimit = Int(generator.between(60, 300))
        case 1: profile.brokerMetadataLimit = Int(generator.between(30, 200))
        default: break
        }

        let count = Int(generator.between(30, 60))
        for _ in 0..<count { profile.contracts.append(.healthy) }
        // Trouble of single contracts; the first contracts stay healthy for the trickle.
        let troubled = generator.between(0, 6)
        for _ in 0..<troubled {
            let index = Int(generator.between(10, Int64(count - 1)))
            profile.contracts[index] = generator.pick([
                .unknown, .unknown, .forbidden, .conflicting, .busy, .failing, .paged, .silent, .refused,
            ])
        }
        if profile.engine.windowRecords < 100 || profile.engine.metadataLimit < 2_048 {
            // Events of poison would fill the small windows, or the settled ones behind them the metadata, and then nothing
            // more is read: by design.
            profile.contracts = profile.contracts.map { $0.isPoison ? .unknown : $0 }
            profile.malformedUntil = 0
        } else if generator.chance(60) {
            profile.poisonStays = true
            profile.engine.contractRetryLimit = 700_000
            profile.contracts[10] = generator.pick([.failing, .paged, .silent, .refused])
        }
        if !profile.poisonStays, generator.chance(40) {
            profile.engine.contractRetryLimit = 700_000
            profile.faultsEnd = profile.activityEnd + 800_000
        }
        // Two contracts in a row with a 401 hold the account: by design, and then other contracts wait.
        var refused = 0
        for index in profile.contracts.indices where profile.contracts[index] == .refused {
            refused += 1
            if refused > 1 { profile.contracts[index] = .failing }
        }
        return profile
    }
}
