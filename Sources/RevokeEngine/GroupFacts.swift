/// What the commits of a whole group say of the topic that it reads.
public struct GroupFacts: Hashable, Sendable {
    /// Where a partition without a committed offset starts.
    public enum Start: Hashable, Sendable {
        /// As the operator says: the group reads the topic for the first time.
        case configured
        /// Where the operator says, but nothing that was written after this time (wall-clock milliseconds) is passed over: the
        /// partition was there when the group began.
        case groupBegan(Int64)
        /// At its log's start: it was added after the group began, or nobody knows when that was.
        case logStart
    }

    /// A hash of the id of the cluster; nil when the cluster does not tell.
    public var cluster: UInt64?
    /// When the group first read the topic; nil when its commits do not tell.
    public var start: CommitMetadata.GroupStart?
    /// Whether the group has a commit for any partition.
    public var hasCommits = false
    /// Whether the group has read the topic before.
    private var hasBegun = false
    /// Whether it had commits, and they are gone.
    public var hasLostCommits = false

    /// The facts of a group of which nothing is known.
    public init() {}

    /// Reads the facts out of the metadata of the group's commits for all partitions of a topic.
    ///
    /// - Parameters:
    ///   - commits: the metadata of each partition that has a committed offset.
    ///   - known: when the group began, as this worker knows from an earlier assignment.
    ///   - hadCommits: whether a commit of this worker was stored. Then a group without commits has lost them, for example
    ///     with a topic that was deleted.
    ///   - topicPartitions: how many partitions the topic has now.
    ///   - now: the wall clock, for a group that begins now.
    public init(
        commits: [[UInt8]], cluster: UInt64?, known: CommitMetadata.GroupStart? = nil, hadCommits: Bool = false,
        topicPartitions: Int, now: Int64
    ) {
        self.cluster = cluster
        hasCommits = !commits.isEmpty
        hasLostCommits = !hasCommits && hadCommits
        hasBegun = hasCommits || known != nil
        guard hasCommits else {
            // Where the commits are lost, all that is there is read.
            guard !hasLostCommits else {
                start = CommitMetadata.GroupStart(time: 0, partitions: 0)
                return
            }
            // Without a stored commit the group still begins, at the time of its first assignment.
            if let known {
                start = known
                return
            }
            start = CommitMetadata.GroupStart(
                time: max(0, now - Engine.clockTolerance), partitions: Int32(clamping: topicPartitions))
            return
        }
        // Two workers of a group that begins see no commit, both: the earlier one counts.
        start = commits.compactMap { ownMetadata($0)?.groupStart }.min { $0.time < $1.time }
    }

    /// Where a partition without a committed offset starts.
    public func start(of partition: Int32) -> Start {
        guard hasBegun || hasLostCommits else { return .configured }
        guard let start, partition < start.partitions else { return .logStart }
        return .groupBegan(start.time)
    }

    /// What a commit's metadata says; nil when it is not ours. That of another cluster is not: offsets and metadata are
    /// copied by mirroring, while the offsets behind a gap shift.
    func ownMetadata(_ text: [UInt8]) -> CommitMetadata? {
        guard let metadata = CommitMetadata(decoding: text) else { return nil }
        if let cluster, let other = metadata.cluster, cluster != other { return nil }
        return metadata
    }
}
