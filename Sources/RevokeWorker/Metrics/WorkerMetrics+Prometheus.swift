internal import RevokeEngine
internal import RevokeModel

extension WorkerMetrics {
    /// Renders the metrics as Prometheus text. Series of a closed list are there from the start with 0, so that the first
    /// increase is seen.
    ///
    /// - Parameter now: CLOCK_BOOTTIME in milliseconds: ages are computed at the time of reading, so that they go on
    ///   rising while a loop stands still.
    public func prometheusText(now: Int64) -> [UInt8] {
        var text = PrometheusText()
        renderEvents(&text)
        renderCalls(&text)
        renderEngine(&text, now: now)
        renderKafka(&text)
        renderProcess(&text)
        return text.bytes
    }

    private func renderEvents(_ text: inout PrometheusText) {
        text.single("revoke_worker_records_read_total", .counter, "Records read from the topic.", recordsRead)
        let events = "revoke_worker_events_total"
        text.family(events, .counter, "Records by how they were settled.")
        text.sample(events, ["end": "revoked"], revoked)
        text.sample(events, ["end": "already_settled"], engine.alreadySettled)
        for reason in SkipReason.allCases {
            text.sample(events, ["end": "skipped", "reason": reason.rawValue], skipped[reason] ?? 0)
        }
        for reason in Self.deadLetterReasons {
            text.sample(events, ["end": "dead_lettered", "reason": reason.text], deadLettered[reason] ?? 0)
        }
        let warnings = "revoke_worker_event_warnings_total"
        text.family(warnings, .counter, "Odd things about valid events.")
        text.sample(warnings, ["kind": "key_differs"], keyDiffers)
        text.sample(warnings, ["kind": "subject_differs"], subjectDiffers)
        text.sample(warnings, ["kind": "implausible_time"], implausibleTime)
        text.histogram(
            "revoke_worker_event_to_revoked_seconds", "Time from the event to the 204 that covered it.", eventToRevoked)
    }

    private func renderCalls(_ text: inout PrometheusText) {
        let outcomes = "revoke_worker_calls_total"
        text.family(outcomes, .counter, "Calls by outcome.")
        for kind in CallCounts.Kind.allCases { text.sample(outcomes, ["outcome": kind.rawValue], calls[kind]) }
        let answers = "revoke_worker_answers_total"
        text.family(answers, .counter, "Answers by HTTP status.")
        for (status, count) in calls.byStatus.sorted(by: { $0.key < $1.key }) {
            text.sample(answers, ["status": String(status)], count)
        }
        let failures = "revoke_worker_call_failures_total"
        text.family(failures, .counter, "Calls without an answer by outcome and cause.")
        for cause in UnreachableCause.allCases {
            text.sample(
                failures, ["outcome": "unreachable", "cause": cause.rawValue], calls.byUnreachableCause[cause] ?? 0)
        }
        for cause in AmbiguousCause.allCases {
            text.sample(
                failures, ["outcome": "ambiguous", "cause": cause.rawValue], calls.byAmbiguousCause[cause] ?? 0)
        }
    }

    private func renderEngine(_ text: inout PrometheusText, now: Int64) {
        text.single("revoke_worker_calls_in_flight", .gauge, "Calls in flight.", engine.callsInFlight)
        text.single("revoke_worker_retries_waiting", .gauge, "Contracts that wait for a retry.", engine.lanesRetrying)
        text.single(
            "revoke_worker_contracts_waiting", .gauge, "Contracts that wait for their first call.", engine.lanesReady)
        text.single("revoke_worker_open_records", .gauge, "Records that are read and not settled.", engine.openRecords)
        text.single("revoke_worker_open_bytes", .gauge, "Bytes of the open records.", engine.openBytes)
        text.single(
            "revoke_worker_dead_letters_in_flight", .gauge, "Dead letters on their way to the broker.",
            engine.deadLettersInFlight)
        text.single(
            "revoke_worker_parked_events", .gauge,
            "Events of accounts that the configuration does not have; they wait before they become dead letters.",
            engine.parked)
        let hold = "revoke_worker_hold"
        text.family(hold, .gauge, "1 while a hold of this kind keeps calls back.")
        for kind in Hold.allCases { text.sample(hold, ["kind": kind.rawValue], isHeld(by: kind) ? 1 : 0) }
        let openAge = "revoke_worker_oldest_open_event_age_seconds"
        text.family(openAge, .gauge, "Time since the oldest open event happened; 0 without one.")
        text.seconds(openAge, milliseconds: age(since: oldestEventSince ?? engine.oldestOpenSince, now))
        let commitAge = "revoke_worker_oldest_uncommitted_age_seconds"
        text.family(commitAge, .gauge, "Time since the oldest uncommitted end of an event; 0 without one.")
        text.seconds(commitAge, milliseconds: age(since: engine.oldestUncommittedSince, now))
        text.single(
            "revoke_worker_streak", .gauge, "Contracts with a permanent answer since the last good one.", engine.streak)
        let pace = "revoke_worker_pace_ratio"
        text.family(pace, .gauge, "The pace after 429s as a part of the budget.")
        text.seconds(pace, milliseconds: Int64(engine.pace) * 1_000 / 1_024)
        text.single(
            "revoke_worker_suspicions_total", .counter, "Gaps in the clocks that made the assignment suspect.",
            suspicions)
    }

    private func renderKafka(_ text: inout PrometheusText) {
        let lagName = "revoke_worker_consumer_lag"
        text.family(lagName, .gauge, "Offsets from the committed one to the log's end, of owned partitions.")
        for (partition, records) in lag.sorted(by: { $0.key < $1.key }) {
            text.sample(lagName, ["partition": String(partition)], records)
        }
        text.single("revoke_worker_partitions", .gauge, "Owned partitions.", engine.partitions)
        text.single(
            "revoke_worker_partitions_without_budget", .gauge,
            "Owned partitions that have no part of the budget: the topic has more partitions than its smallest window.",
            engine.partitionsWithoutBudget)
        text.single(
            "revoke_worker_paused_partitions", .gauge, "Owned partitions that are paused.", engine.pausedPartitions)
        text.single(
            "revoke_worker_unconfirmed_partitions", .gauge,
            "Owned partitions that wait for a commit before the first call.", engine.unconfirmedPartitions)
        let unreadName = "revoke_worker_unread_partition"
        text.family(unreadName, .gauge, "1 while an owned partition is not read, and why.")
        for item in unread {
            text.sample(unreadName, ["partition": String(item.partition), "reason": item.reason.rawValue], 1)
        }
        text.single(
            "revoke_worker_stalled_partitions", .gauge,
            "Owned partitions that are not read although their log has more, or their position was lost.",
            unread.count { $0.reason == .stalled || $0.reason == .positionLost })
        text.single(
            "revoke_worker_position_errors_total", .counter,
            "Times Kafka gave up the position in a partition, lost or not.", positionErrors)
        text.single(
            "revoke_worker_rejoins_total", .counter,
            "Times the group was joined again, since owned partitions were not read.", rejoins)
        text.single("revoke_worker_commits_total", .counter, "Commits that succeeded.", commits)
        text.single("revoke_worker_commit_failures_total", .counter, "Commits that failed.", commitFailures)
        text.single(
            "revoke_worker_dead_letter_failures_total", .counter, "Failed attempts to store a dead letter.",
            deadLetterFailures)
        text.single(
            "revoke_worker_lost_offsets_total", .counter, "Offsets that retention removed before they were read.",
            lostOffsets)
    }

    private func renderProcess(_ text: inout PrometheusText) {
        text.single(
            "revoke_worker_group_offsets_lost_total", .counter,
            "Times that the group's committed offsets were gone, so that partitions were read from their logs' start.",
            offsetsLost)
        text.single(
            "revoke_worker_positions_lost_total", .counter, "Positions that were outside their log.", positionsLost)
        text.single(
            "revoke_worker_stuck_contracts_total", .counter, "Contracts that could not be revoked for the retry limit.",
            stuckContracts)
        text.single(
            "revoke_worker_key_file_problem", .gauge, "1 while the key file cannot be used: the key in memory is kept.",
            keyFileProblem ? 1 : 0)
        text.single("revoke_worker_ready", .gauge, "1 when the worker is ready.", ready ? 1 : 0)
        text.single("revoke_worker_draining", .gauge, "1 while partitions are given back.", engine.draining ? 1 : 0)
        text.single(
            "revoke_worker_shutting_down", .gauge, "1 when the shutdown has begun.", engine.shuttingDown ? 1 : 0)
        text.single("revoke_worker_log_lines_dropped_total", .counter, "Log lines that were lost.", logLinesDropped)
        let start = "revoke_worker_start_time_seconds"
        text.family(start, .gauge, "When the worker started, in seconds since 1970.")
        text.seconds(start, milliseconds: startTime)
        let build = "revoke_worker_build_info"
        text.family(build, .gauge, "The worker's version; always 1.")
        text.sample(build, ["version": version], 1)
        let library = "revoke_worker_library_info"
        text.family(library, .gauge, "The libraries' versions; always 1.")
        for entry in libraries { text.sample(library, ["library": entry.name, "version": entry.version], 1) }
    }

    private func age(since start: Int64?, _ now: Int64) -> Int64 { start.map { max(0, now - $0) } ?? 0 }
}
