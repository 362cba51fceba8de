import RevokeEngine
import RevokeModel

/// A kind of trouble. `docs/simulation.md` describes each.
public enum FaultKind: Int, CaseIterable, Sendable {
    case crash
    case stop
    case pause
    case stall
    case isolate
    case clockJump
    case scaleUp
    case rebalance
    case earlyJoin
    case addPartitions
    case coordinatorHang
    case coordinatorRestart
    case commitsRefused
    case commitAnswersLost
    case commitsSlow
    case nothingToCommit
    case metadataDamaged
    case outage
    case rateLimit
    case wrongPath
    case keyRotation
    case slowAPI
    case flakyAPI
    case deadLettersFail
    case deadLetterAnswersLost
    case retention
    case compaction
    case logRestart

    /// Whether the fault hits one worker.
    var hitsOneWorker: Bool {
        switch self {
        case .crash, .stop, .pause, .stall, .isolate, .clockJump: true
        case .scaleUp, .rebalance, .earlyJoin, .addPartitions, .coordinatorHang, .coordinatorRestart,
            .commitsRefused, .commitAnswersLost, .commitsSlow, .nothingToCommit, .metadataDamaged, .outage,
            .rateLimit, .wrongPath, .keyRotation, .slowAPI, .flakyAPI, .deadLettersFail, .deadLetterAnswersLost,
            .retention, .compaction, .logRestart:
            false
        }
    }
}

/// One trouble: when, what, for how long.
struct Fault: Sendable {
    var kind: FaultKind
    /// The worker that it hits, by its number.
    var worker: Int
    /// The partition that it hits.
    var partition: Int
    var duration: Int64
    /// Which form of the trouble.
    var variant: Int64
}

/// What a produced record is.
enum RecordShape: Sendable {
    case event
    case replay
    case undated
    case unknownAccount
    case malformed(DecodingFailure)
}

/// One record that a producer writes.
struct ProducedRecord: Sendable {
    var partition: Int
    /// The contract's index in the profile.
    var contract: Int
    /// Records with the same number have the same source, id and bytes.
    var copy: Int64
    var shape: RecordShape
    var size: Int64
    /// How much older than its record the event says it is; negative when a producer's clock is ahead.
    var age: Int64
    /// Offsets that are left out before the record.
    var gap: Int64
}

/// One step of a schedule.
struct ScheduleItem: Sendable {
    enum Kind: Sendable {
        case produce(ProducedRecord)
        case fault(Fault)
    }

    var time: Int64
    /// The item's number in the full schedule; it stays when others are dropped.
    var number: Int
    var kind: Kind

    var isFault: Bool {
        switch kind {
        case .fault: true
        case .produce: false
        }
    }

    /// The item as a line of a schedule.
    var text: String {
        switch kind {
        case .produce(let record):
            "\(time) ms: record to partition \(record.partition), contract \(Topic.contractBase + Int64(record.contract)),"
                + " copy \(record.copy), \(record.shape), \(record.size) bytes, gap \(record.gap)"
        case .fault(let fault):
            "\(time) ms: \(fault.kind) worker \(fault.worker) partition \(fault.partition)"
                + " for \(fault.duration) ms, variant \(fault.variant)"
        }
    }
}

/// What a seed stands for: a world and the steps that happen in it.
struct Schedule: Sendable {
    var seed: UInt64
    var profile: Profile
    var items: [ScheduleItem]

    /// Draws the schedule of a seed.
    static func draw(seed: UInt64) -> Schedule {
        var generator = Generator(seed: Dice.mix(seed ^ 0x5EED))
        var profile = Profile.draw(&generator)
        profile.isSticky = seed % 8 == 3
        // Members that stand by without a partition.
        if seed % 16 == 5 { profile.workers = profile.partitions + 1 }
        drawLimits(&profile, seed)
        let isCrowded = seed % 128 == 77
        if isCrowded { crowd(&profile) }
        var items: [ScheduleItem] = []
        drawRecords(&items, profile, &generator)
        drawFaults(&items, profile, &generator)
        if seed % 8 == 7 { drawStorm(&items, profile, seed) }
        if isCrowded { drawCrowd(&items, profile, seed) }
        if profile.isSticky { drawFlapping(&items, profile, seed) }
        if seed % 16 == 9 { drawLatePermission(&items, profile, seed) }
        if seed % 32 == 29 { drawPatience(&items, profile, seed) }
        if seed % 16 == 1 { drawTroubledStops(&items, profile, seed) }
        // A stable order: by time, then by the order of drawing.
        items.sort { $0.time != $1.time ? $0.time < $1.time : $0.number < $1.number }
        return Schedule(seed: seed, profile: profile, items: items)
    }

    /// In some worlds the API counts by itself: a quarter more than the fleet's budget, of which another program uses a part.
    private static func drawLimits(_ profile: inout Profile, _ seed: UInt64) {
        var generator = Generator(seed: Dice.mix(seed ^ 0xA917))
        if generator.chance(400) {
            profile.apiWindows = profile.engine.budget.map {
                BudgetWindow(limit: $0.limit * 5 / 4, duration: $0.duration)
            }
            if profile.apiWindows.isEmpty { profile.apiWindows = [BudgetWindow(limit: 60, duration: 5_000)] }
        }
        if generator.chance(60) {
            profile.longRetryAfters = [3_599_000, 3_600_000, 3_601_000, 7_200_000, 86_400_000, 1 << 50]
        }
        if seed % 32 == 29 {
            profile.longRetryAfters = [95_000, 120_000, 150_000]
            profile.activityEnd = max(profile.activityEnd, 105_000)
            profile.faultsEnd = max(profile.faultsEnd, profile.activityEnd)
        }
    }

    /// A world with so many contracts that the engine's bounds are met.
    private static func crowd(_ profile: inout Profile) {
        profile.engine.budget = []
        profile.apiWindows = []
        profile.engine.concurrency = 64
        // An outage of all contracts holds nothing, so that each of them is called.
        profile.engine.breaker = 10_000
        profile.engine.windowRecords = EngineConfiguration().windowRecords
        profile.engine.minimumPartitionRecords = EngineConfiguration().minimumPartitionRecords
        profile.engine.windowBytes = EngineConfiguration().windowBytes
        profile.activityEnd = max(profile.activityEnd, 80_000)
        profile.faultsEnd = profile.activityEnd
        for _ in 0..<1_300 { profile.contracts.append(.healthy) }
    }

    /// More contracts than are remembered get a 503 and lose their events at once; more records are malformed than may be on
    /// their way to the dead-letter topic.
    private static func drawCrowd(_ items: inout [ScheduleItem], _ profile: Profile, _ seed: UInt64) {
        var generator = Generator(seed: Dice.mix(seed ^ 0xC203))
        let partition = Int(generator.between(0, Int64(profile.partitions - 1)))
        let start = generator.between(8_000, 16_000)
        // It ends after the loss, which comes when the session is over.
        add(.outage, partition, to: &items, at: start - 500, for: profile.engine.sessionTimeout + 9_000)
        for place in 0..<1_300 {
            let contract = profile.contracts.count - 1 - place
            add(.event, contract, partition, copy: 5_000_000, to: &items, at: start + generator.between(0, 2_000))
        }
        add(.coordinatorHang, partition, to: &items, at: start + 6_000, for: profile.engine.sessionTimeout + 3_000)
        let later = start + 6_000 + profile.engine.sessionTimeout + 15_000
        add(.deadLettersFail, partition, to: &items, at: later - 500, for: 6_000)
        for _ in 0..<500 {
            let shape = RecordShape.malformed(generator.pick(DecodingFailure.allCases))
            add(shape, 0, partition, copy: 5_000_000, to: &items, at: later)
        }
    }

    /// Adds a fault, of the first worker unless another one is named.
    private static func add(
        _ kind: FaultKind, _ partition: Int = 0, worker: Int = 0, to items: inout [ScheduleItem], at time: Int64,
        for duration: Int64, variant: Int64 = 0
    ) {
        let fault = Fault(kind: kind, worker: worker, partition: partition, duration: duration, variant: variant)
        items.append(ScheduleItem(time: time, number: items.count, kind: .fault(fault)))
    }

    /// Adds a record that is no copy of another one; `copy` sets it apart from those of other drawings.
    private static func add(
        _ shape: RecordShape, _ contract: Int, _ partition: Int, copy: Int64, to items: inout [ScheduleItem],
        at time: Int64
    ) {
        let record = ProducedRecord(
            partition: partition, contract: contract, copy: copy + Int64(items.count), shape: shape, size: 300, age: 0,
            gap: 0)
        items.append(ScheduleItem(time: time, number: items.count, kind: .produce(record)))
    }

    private static func drawRecords(_ items: inout [ScheduleItem], _ profile: Profile, _ generator: inout Generator) {
        let failures = DecodingFailure.allCases
        var copies: Int64 = 0
        var recent: [ProducedRecord] = []
        var time: Int64 = 100
        let backlog = generator.chance(300)
        let count = 300 + Int(generator.between(0, 60))
        let step = max(profile.activityEnd * 9 / 10 / Int64(count), 10)
        while items.count < count {
            time += backlog && items.count < count / 2 ? generator.between(0, 4) : generator.between(0, 2 * step)
            let contract = min(
                Int(generator.between(0, Int64(profile.contracts.count - 1))),
                Int(generator.between(0, Int64(profile.contracts.count * 2))))
            copies += 1
            var record = ProducedRecord(
                partition: contract % profile.partitions, contract: contract, copy: copies, shape: .event,
                size: generator.between(200, 600), age: generator.between(-2_000, 5_000),
                gap: generator.chance(150) ? generator.between(1, 5) : 0)
            switch generator.between(0, 99) {
            case 0...2: record.shape = .malformed(generator.pick(failures))
            case 3: record.shape = .malformed(.unknownType)
            case 4...5: record.shape = .unknownAccount
            case 6...8: record.shape = .replay
            case 9...11: record.shape = .undated
            case 12...16: record.age = generator.between(3_600_000, 90_000_000)
            case 17: record.size = 20_000
            case 18...27 where !recent.isEmpty:
                // An identical copy, at times in another partition.
                record = generator.pick(recent)
                if generator.chance(200) {
                    record.partition = Int(generator.between(0, Int64(profile.partitions - 1)))
                }
            case 28...30: record.partition = Int(generator.between(0, Int64(profile.partitions - 1)))
            default: break
            }
            if time < profile.malformedUntil { record.shape = .malformed(generator.pick(failures)) }
            if case .malformed = record.shape {
                record.partition = Int(generator.between(0, Int64(profile.partitions - 1)))
            }
            items.append(ScheduleItem(time: time, number: items.count, kind: .produce(record)))
            recent.append(record)
            if recent.count > 12 { recent.removeFirst() }
            // A storm of duplicates.
            if generator.chance(12) {
                for _ in 0..<generator.between(5, 20) {
                    time += generator.between(0, 60)
                    var copy = record
                    if generator.chance(500) {
                        copies += 1
                        copy.copy = copies
                    }
                    items.append(ScheduleItem(time: time, number: items.count, kind: .produce(copy)))
                }
            }
            time = min(time, profile.activityEnd - 1_000)
        }
    }

    /// One partition gets many events at once while the API is slow, and its owner loses it and gets it again: many calls
    /// are in flight over the loss, and many events are settled behind an open one.
    private static func drawStorm(_ items: inout [ScheduleItem], _ profile: Profile, _ seed: UInt64) {
        guard profile.engine.windowRecords > 1_000, !profile.poisonStays, profile.faultsEnd == profile.activityEnd
        else {
            return
        }
        var generator = Generator(seed: Dice.mix(seed ^ 0x570F))
        let partition = Int(generator.between(0, Int64(profile.partitions - 1)))
        let start = generator.between(8_000, max(9_000, profile.activityEnd - 30_000))
        var contracts = Array(profile.contracts.indices)
        contracts.sort { profile.contracts[$0].isPoison && !profile.contracts[$1].isPoison }
        for place in 0..<Int(generator.between(90, 140)) {
            let record = ProducedRecord(
                partition: partition, contract: contracts[place % contracts.count], copy: 3_000_000 + Int64(place),
                shape: .event, size: 300, age: 0, gap: 0)
            items.append(
                ScheduleItem(
                    time: start + generator.between(0, 1_500), number: items.count, kind: .produce(record)))
        }
        if generator.chance(500) {
            let flaky = Fault(
                kind: .flakyAPI, worker: 0, partition: 0, duration: 5_000, variant: generator.between(0, 999))
            items.append(ScheduleItem(time: start, number: items.count, kind: .fault(flaky)))
        }
        var time = start + generator.between(1_000, 4_000)
        for _ in 0..<3 {
            let slow = Fault(kind: .slowAPI, worker: 0, partition: 0, duration: 4_000, variant: 0)
            items.append(ScheduleItem(time: time - 500, number: items.count, kind: .fault(slow)))
            let worker = Int(generator.between(0, Int64(profile.workers - 1)))
            let stall = Fault(
                kind: generator.chance(500) ? .coordinatorRestart : .rebalance, worker: worker, partition: partition,
                duration: generator.between(200, 1_500), variant: 0)
            items.append(ScheduleItem(time: time, number: items.count, kind: .fault(stall)))
            let lost = Fault(
                kind: .isolate, worker: worker, partition: partition,
                duration: profile.engine.sessionTimeout + generator.between(200, 2_000), variant: 0)
            if time + lost.duration < profile.activityEnd - 1_000 {
                items.append(ScheduleItem(time: time + 300, number: items.count, kind: .fault(lost)))
            }
            time += generator.between(2_000, 9_000)
        }
    }

    /// A key that is refused and replaced while a Retry-After still runs: one hold follows on the other.
    private static func drawLatePermission(_ items: inout [ScheduleItem], _ profile: Profile, _ seed: UInt64) {
        var generator = Generator(seed: Dice.mix(seed ^ 0x4297))
        var time = generator.between(5_000, 12_000)
        while time < profile.activityEnd - 12_000 {
            for place in 0..<Int(generator.between(8, 24)) {
                add(
                    .event, place % profile.contracts.count, place % profile.partitions, copy: 5_000_000, to: &items,
                    at: time + generator.between(0, 500))
            }
            add(.rateLimit, to: &items, at: time, for: 400)
            add(.keyRotation, to: &items, at: time + generator.between(350, 450), for: 3_000)
            time += generator.between(9_000, 20_000)
        }
    }

    /// Some contracts get a Retry-After of minutes. Their partitions go to other workers at once, and come back with new
    /// events before it is over.
    private static func drawPatience(_ items: inout [ScheduleItem], _ profile: Profile, _ seed: UInt64) {
        var generator = Generator(seed: Dice.mix(seed ^ 0x9A71))
        let start = generator.between(5_000, 9_000)
        func addEvents(at time: Int64) {
            for place in 0..<12 {
                add(
                    .event, place % profile.contracts.count, place % profile.partitions, copy: 7_000_000, to: &items,
                    at: time + generator.between(0, 300))
            }
        }
        addEvents(at: start)
        add(.outage, to: &items, at: start, for: 400, variant: 1)
        add(.rebalance, to: &items, at: start + 900, for: 100)
        var time = start + generator.between(66_000, 72_000)
        while time < min(start + 92_000, profile.activityEnd - 2_000) {
            add(.rebalance, to: &items, at: time, for: 100)
            addEvents(at: time + 1_200)
            time += generator.between(3_000, 6_000)
        }
    }

    /// Workers that are told to stop while the API is slow, and meet another fault in their last drain.
    private static func drawTroubledStops(_ items: inout [ScheduleItem], _ profile: Profile, _ seed: UInt64) {
        var generator = Generator(seed: Dice.mix(seed ^ 0x570B))
        let kinds = FaultKind.allCases.filter { $0 != .stop }
        var time = generator.between(6_000, 12_000)
        while time < profile.activityEnd - 12_000 {
            let worker = Int(generator.between(0, Int64(profile.workers - 1)))
            for place in 0..<12 {
                add(
                    .event, place % profile.contracts.count, place % profile.partitions, copy: 6_000_000, to: &items,
                    at: time + generator.between(0, 300))
            }
            add(.slowAPI, to: &items, at: time, for: 4_000)
            add(.stop, worker: worker, to: &items, at: time + 500, for: 3_000)
            let kind = generator.pick(kinds)
            let length = kind == .addPartitions ? 100 : generator.between(200, 3_000)
            add(
                kind, Int(generator.between(0, Int64(profile.partitions - 1))), worker: worker, to: &items,
                at: time + generator.between(600, 3_500), for: length, variant: generator.between(0, 999))
            time += generator.between(8_000, 16_000)
        }
    }

    /// All members lose their partitions and get the same ones again, some of them before they read a record, while one
    /// partition has many events and the API is slow.
    private static func drawFlapping(_ items: inout [ScheduleItem], _ profile: Profile, _ seed: UInt64) {
        guard profile.engine.windowRecords > 1_000, !profile.poisonStays, profile.faultsEnd == profile.activityEnd
        else {
            return
        }
        var generator = Generator(seed: Dice.mix(seed ^ 0xF1A9))
        func add(_ kind: FaultKind, at time: Int64, for duration: Int64, variant: Int64 = 0) {
            guard time + duration < profile.activityEnd - 1_000 else { return }
            Self.add(kind, to: &items, at: time, for: duration, variant: variant)
        }
        let partition = Int(generator.between(0, Int64(profile.partitions - 1)))
        var time = generator.between(5_000, 15_000)
        for round in 0..<3 {
            for place in 0..<Int(generator.between(8, 24)) {
                let at = min(time + generator.between(0, 1_500), profile.activityEnd - 1_000)
                let contract = (place * 7 + round) % profile.contracts.count
                Self.add(.event, contract, partition, copy: 4_000_000, to: &items, at: at)
            }
            add(.slowAPI, at: time, for: 25_000, variant: generator.between(0, 1))
            if seed % 16 == 3 { add(.flakyAPI, at: time, for: 25_000) }
            if generator.chance(500) {
                // Longer than the session: the assignment is lost with calls in flight.
                let away = profile.engine.sessionTimeout + generator.between(500, 4_000)
                // What is known of the new log is in no commit.
                if generator.chance(500) {
                    Self.add(.logRestart, partition, to: &items, at: time + 200, for: 100, variant: 1)
                }
                add(.coordinatorHang, at: time + generator.between(500, 4_000), for: away)
                time += away + generator.between(4_000, 8_000)
            } else {
                // Assigned again and again while a revoke is held.
                add(.earlyJoin, at: time + generator.between(300, 3_000), for: 6_000)
                for _ in 0..<2 {
                    time += generator.between(900, 2_500)
                    add(.rebalance, at: time, for: 100)
                }
                time += generator.between(6_000, 9_000)
            }
        }
    }

    private static func drawFaults(_ items: inout [ScheduleItem], _ profile: Profile, _ generator: inout Generator) {
        let kinds = FaultKind.allCases
        let count = Int(generator.between(10, 16))
        var time: Int64 = 0
        for _ in 0..<count {
            // Clusters: two of five faults come close to the one before.
            time =
                generator.chance(400) && time > 0
                ? min(time + generator.between(0, 2_500), profile.activityEnd - 2_000)
                : generator.between(1_500, profile.activityEnd - 2_000)
            let kind = generator.pick(kinds)
            let longest = min(profile.activityEnd - time - 500, 40_000)
            var fault = Fault(
                kind: kind, worker: Int(generator.between(0, Int64(profile.workers - 1))),
                partition: Int(generator.between(0, Int64(profile.partitions - 1))),
                duration: min(
                    generator.chance(500) ? generator.between(200, 6_000) : generator.between(2_000, 30_000), longest),
                variant: generator.between(0, 999))
            switch kind {
            case .pause, .stall:
                // Around half the session timeout and around all of it.
                let base = generator.pick([Int64(1), 5, 6, 10, 11, 14]) * profile.engine.sessionTimeout / 10
                fault.duration = min(base + generator.between(0, 1_500), longest)
            case .addPartitions where !generator.chance(400):
                fault.kind = .rebalance
            case .metadataDamaged where !generator.chance(400):
                fault.kind = .commitsSlow
            case .wrongPath:
                fault.duration = min(fault.duration, 20_000)
            default: break
            }
            items.append(ScheduleItem(time: time, number: items.count, kind: .fault(fault)))
        }
        if profile.faultsEnd > profile.activityEnd {
            let start = profile.activityEnd - generator.between(500, 6_000)
            let fault = Fault(
                kind: .outage, worker: 0, partition: 0, duration: profile.faultsEnd - start,
                variant: generator.between(0, 999))
            items.append(ScheduleItem(time: start, number: items.count, kind: .fault(fault)))
        }
    }
}
