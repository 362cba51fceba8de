/// The simulated coordinator, held against recordings of a real one.
///
/// A recording is accepted when the coordinator of the worlds (`Coordinator`) can produce it, driven by a `Replay`: eager
/// rebalances with generations, session timeouts, members that are held in a join while one drains, an assign while another
/// event is held, commits that are fenced by member and generation, answers that come late. Members also join anew while a
/// rebalance event of theirs is held, or by themselves within a generation, as librdkafka 2.0.2 does when partitions are
/// added.
public struct CoordinatorModel: Sendable {
    /// The results of a commit.
    static let results = ["stored", "nothingToDo", "rebalanceInProgress", "fenced", "metadataTooLarge", "failed"]

    /// The session timeout in milliseconds: so long must a member be silent until another may hold its partitions.
    public var sessionTimeout: Int64
    /// Whether commits can be refused with REBALANCE_IN_PROGRESS while members join (the mock cluster; a real broker
    /// does so only between a join's completion and the member's assign).
    public var refusesCommitsDuringJoin: Bool
    /// So many milliseconds late may the lines of processes be logged, on a machine that is busy with a broker and workers.
    public static let processTolerance: Int64 = 500
    /// How many milliseconds late a line may be logged: none in a world, `processTolerance` by processes.
    public var tolerance: Int64

    /// A member hears of a rebalance at its next heartbeat: after 3 s at the latest, and some for the way. In a world it can
    /// be cut off from the brokers, for as long as its session lasts.
    var longestHeartbeatInterval: Int64 = 4_000

    /// Makes a model.
    public init(
        sessionTimeout: Int64 = 15_000, refusesCommitsDuringJoin: Bool = false, tolerance: Int64 = 0
    ) {
        self.sessionTimeout = sessionTimeout
        self.refusesCommitsDuringJoin = refusesCommitsDuringJoin
        self.tolerance = tolerance
    }

    /// Why the coordinator cannot produce the recording, with the event at which the way that understands most of it ends;
    /// nil when it can.
    public func refusal(of recording: Recording) -> String? {
        Replay(recording, model: self).refusal()
    }

    /// Whether the model can produce the recording.
    public func accepts(_ recording: Recording) -> Bool { refusal(of: recording) == nil }
}
