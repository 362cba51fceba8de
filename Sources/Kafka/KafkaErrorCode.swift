import CRdKafka

/// A code of librdkafka: negative ones are made by the client itself, positive ones come from a broker.
///
/// The constants bear the names of `rd_kafka_resp_err_t` without the prefix `RD_KAFKA_RESP_ERR_`; a code that is
/// missing here, such as one of a newer version, is made with `init(rawValue:)`.
public struct KafkaErrorCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number, as in `rd_kafka_resp_err_t`.
    public let rawValue: Int32

    /// Wraps a number of `rd_kafka_resp_err_t`.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    init(_ code: rd_kafka_resp_err_t) {
        rawValue = code.rawValue
    }

    var code: rd_kafka_resp_err_t { rd_kafka_resp_err_t(rawValue) }

    /// Whether the client made the code; otherwise a broker did.
    public var isLocal: Bool { rawValue < -1 }

    /// The name of librdkafka, for example `_NO_OFFSET` or `ILLEGAL_GENERATION`.
    public var name: String {
        guard let name = unsafe rd_kafka_err2name(code) else { return "\(rawValue)" }
        return unsafe String(cString: name)
    }

    /// librdkafka's English text for the code.
    public var text: String {
        guard let text = unsafe rd_kafka_err2str(code) else { return "error \(rawValue)" }
        return unsafe String(cString: text)
    }

    /// The name.
    public var description: String { name }
}

// The codes of librdkafka 2.0.2.
extension KafkaErrorCode {
    /// `_BAD_MSG`.
    public static let badMessage = KafkaErrorCode(rawValue: -199)
    /// `_BAD_COMPRESSION`.
    public static let badCompression = KafkaErrorCode(rawValue: -198)
    /// `_DESTROY`.
    public static let destroy = KafkaErrorCode(rawValue: -197)
    /// `_FAIL`.
    public static let fail = KafkaErrorCode(rawValue: -196)
    /// `_TRANSPORT`.
    public static let transport = KafkaErrorCode(rawValue: -195)
    /// `_CRIT_SYS_RESOURCE`.
    public static let criticalSystemResource = KafkaErrorCode(rawValue: -194)
    /// `_RESOLVE`.
    public static let resolve = KafkaErrorCode(rawValue: -193)
    /// `_MSG_TIMED_OUT`.
    public static let messageTimedOut = KafkaErrorCode(rawValue: -192)
    /// `_PARTITION_EOF`.
    public static let partitionEof = KafkaErrorCode(rawValue: -191)
    /// `_UNKNOWN_PARTITION`.
    public static let unknownPartition = KafkaErrorCode(rawValue: -190)
    /// `_FS`.
    public static let fileSystem = KafkaErrorCode(rawValue: -189)
    /// `_UNKNOWN_TOPIC`.
    public static let unknownTopic = KafkaErrorCode(rawValue: -188)
    /// `_ALL_BROKERS_DOWN`.
    public static let allBrokersDown = KafkaErrorCode(rawValue: -187)
    /// `_INVALID_ARG`.
    public static let invalidArgument = KafkaErrorCode(rawValue: -186)
    /// `_TIMED_OUT`.
    public static let timedOut = KafkaErrorCode(rawValue: -185)
    /// `_QUEUE_FULL`.
    public static let queueFull = KafkaErrorCode(rawValue: -184)
    /// `_ISR_INSUFF`.
    public static let insufficientInSyncReplicas = KafkaErrorCode(rawValue: -183)
    /// `_NODE_UPDATE`.
    public static let nodeUpdate = KafkaErrorCode(rawValue: -182)
    /// `_SSL`.
    public static let ssl = KafkaErrorCode(rawValue: -181)
    /// `_WAIT_COORD`.
    public static let waitingForCoordinator = KafkaErrorCode(rawValue: -180)
    /// `_UNKNOWN_GROUP`.
    public static let unknownGroup = KafkaErrorCode(rawValue: -179)
    /// `_IN_PROGRESS`.
    public static let inProgress = KafkaErrorCode(rawValue: -178)
    /// `_PREV_IN_PROGRESS`.
    public static let previousInProgress = KafkaErrorCode(rawValue: -177)
    /// `_EXISTING_SUBSCRIPTION`.
    public static let existingSubscription = KafkaErrorCode(rawValue: -176)
    /// `_ASSIGN_PARTITIONS`.
    public static let assignPartitions = KafkaErrorCode(rawValue: -175)
    /// `_REVOKE_PARTITIONS`.
    public static let revokePartitions = KafkaErrorCode(rawValue: -174)
    /// `_CONFLICT`.
    public static let conflict = KafkaErrorCode(rawValue: -173)
    /// `_STATE`.
    public static let state = KafkaErrorCode(rawValue: -172)
    /// `_UNKNOWN_PROTOCOL`.
    public static let unknownProtocol = KafkaErrorCode(rawValue: -171)
    /// `_NOT_IMPLEMENTED`.
    public static let notImplemented = KafkaErrorCode(rawValue: -170)
    /// `_AUTHENTICATION`.
    public static let authentication = KafkaErrorCode(rawValue: -169)
    /// `_NO_OFFSET`.
    public static let noOffset = KafkaErrorCode(rawValue: -168)
    /// `_OUTDATED`.
    public static let outdated = KafkaErrorCode(rawValue: -167)
    /// `_TIMED_OUT_QUEUE`.
    public static let timedOutQueue = KafkaErrorCode(rawValue: -166)
    /// `_UNSUPPORTED_FEATURE`.
    public static let unsupportedFeature = KafkaErrorCode(rawValue: -165)
    /// `_WAIT_CACHE`.
    public static let waitingForCache = KafkaErrorCode(rawValue: -164)
    /// `_INTR`.
    public static let interrupted = KafkaErrorCode(rawValue: -163)
    /// `_KEY_SERIALIZATION`.
    public static let keySerialization = KafkaErrorCode(rawValue: -162)
    /// `_VALUE_SERIALIZATION`.
    public static let valueSerialization = KafkaErrorCode(rawValue: -161)
    /// `_KEY_DESERIALIZATION`.
    public static let keyDeserialization = KafkaErrorCode(rawValue: -160)
    /// `_VALUE_DESERIALIZATION`.
    public static let valueDeserialization = KafkaErrorCode(rawValue: -159)
    /// `_PARTIAL`.
    public static let partial = KafkaErrorCode(rawValue: -158)
    /// `_READ_ONLY`.
    public static let readOnly = KafkaErrorCode(rawValue: -157)
    /// `_NOENT`.
    public static let noEntry = KafkaErrorCode(rawValue: -156)
    /// `_UNDERFLOW`.
    public static let underflow = KafkaErrorCode(rawValue: -155)
    /// `_INVALID_TYPE`.
    public static let invalidType = KafkaErrorCode(rawValue: -154)
    /// `_RETRY`.
    public static let retry = KafkaErrorCode(rawValue: -153)
    /// `_PURGE_QUEUE`.
    public static let purgeQueue = KafkaErrorCode(rawValue: -152)
    /// `_PURGE_INFLIGHT`.
    public static let purgeInflight = KafkaErrorCode(rawValue: -151)
    /// `_FATAL`.
    public static let fatal = KafkaErrorCode(rawValue: -150)
    /// `_INCONSISTENT`.
    public static let inconsistent = KafkaErrorCode(rawValue: -149)
    /// `_GAPLESS_GUARANTEE`.
    public static let gaplessGuarantee = KafkaErrorCode(rawValue: -148)
    /// `_MAX_POLL_EXCEEDED`.
    public static let maxPollExceeded = KafkaErrorCode(rawValue: -147)
    /// `_UNKNOWN_BROKER`.
    public static let unknownBroker = KafkaErrorCode(rawValue: -146)
    /// `_NOT_CONFIGURED`.
    public static let notConfigured = KafkaErrorCode(rawValue: -145)
    /// `_FENCED`.
    public static let fenced = KafkaErrorCode(rawValue: -144)
    /// `_APPLICATION`.
    public static let application = KafkaErrorCode(rawValue: -143)
    /// `_ASSIGNMENT_LOST`.
    public static let assignmentLost = KafkaErrorCode(rawValue: -142)
    /// `_NOOP`.
    public static let noOperation = KafkaErrorCode(rawValue: -141)
    /// `_AUTO_OFFSET_RESET`.
    public static let autoOffsetReset = KafkaErrorCode(rawValue: -140)
    /// `UNKNOWN`.
    public static let unknown = KafkaErrorCode(rawValue: -1)
    /// `NO_ERROR`.
    public static let noError = KafkaErrorCode(rawValue: 0)
    /// `OFFSET_OUT_OF_RANGE`.
    public static let offsetOutOfRange = KafkaErrorCode(rawValue: 1)
    /// `INVALID_MSG`.
    public static let invalidMessage = KafkaErrorCode(rawValue: 2)
    /// `UNKNOWN_TOPIC_OR_PART`.
    public static let unknownTopicOrPartition = KafkaErrorCode(rawValue: 3)
    /// `INVALID_MSG_SIZE`.
    public static let invalidMessageSize = KafkaErrorCode(rawValue: 4)
    /// `LEADER_NOT_AVAILABLE`.
    public static let leaderNotAvailable = KafkaErrorCode(rawValue: 5)
    /// `NOT_LEADER_FOR_PARTITION`.
    public static let notLeaderForPartition = KafkaErrorCode(rawValue: 6)
    /// `REQUEST_TIMED_OUT`.
    public static let requestTimedOut = KafkaErrorCode(rawValue: 7)
    /// `BROKER_NOT_AVAILABLE`.
    public static let brokerNotAvailable = KafkaErrorCode(rawValue: 8)
    /// `REPLICA_NOT_AVAILABLE`.
    public static let replicaNotAvailable = KafkaErrorCode(rawValue: 9)
    /// `MSG_SIZE_TOO_LARGE`.
    public static let messageSizeTooLarge = KafkaErrorCode(rawValue: 10)
    /// `STALE_CTRL_EPOCH`.
    public static let staleControllerEpoch = KafkaErrorCode(rawValue: 11)
    /// `OFFSET_METADATA_TOO_LARGE`.
    public static let offsetMetadataTooLarge = KafkaErrorCode(rawValue: 12)
    /// `NETWORK_EXCEPTION`.
    public static let networkException = KafkaErrorCode(rawValue: 13)
    /// `COORDINATOR_LOAD_IN_PROGRESS`.
    public static let coordinatorLoadInProgress = KafkaErrorCode(rawValue: 14)
    /// `COORDINATOR_NOT_AVAILABLE`.
    public static let coordinatorNotAvailable = KafkaErrorCode(rawValue: 15)
    /// `NOT_COORDINATOR`.
    public static let notCoordinator = KafkaErrorCode(rawValue: 16)
    /// `TOPIC_EXCEPTION`.
    public static let topicException = KafkaErrorCode(rawValue: 17)
    /// `RECORD_LIST_TOO_LARGE`.
    public static let recordListTooLarge = KafkaErrorCode(rawValue: 18)
    /// `NOT_ENOUGH_REPLICAS`.
    public static let notEnoughReplicas = KafkaErrorCode(rawValue: 19)
    /// `NOT_ENOUGH_REPLICAS_AFTER_APPEND`.
    public static let notEnoughReplicasAfterAppend = KafkaErrorCode(rawValue: 20)
    /// `INVALID_REQUIRED_ACKS`.
    public static let invalidRequiredAcks = KafkaErrorCode(rawValue: 21)
    /// `ILLEGAL_GENERATION`.
    public static let illegalGeneration = KafkaErrorCode(rawValue: 22)
    /// `INCONSISTENT_GROUP_PROTOCOL`.
    public static let inconsistentGroupProtocol = KafkaErrorCode(rawValue: 23)
    /// `INVALID_GROUP_ID`.
    public static let invalidGroupId = KafkaErrorCode(rawValue: 24)
    /// `UNKNOWN_MEMBER_ID`.
    public static let unknownMemberId = KafkaErrorCode(rawValue: 25)
    /// `INVALID_SESSION_TIMEOUT`.
    public static let invalidSessionTimeout = KafkaErrorCode(rawValue: 26)
    /// `REBALANCE_IN_PROGRESS`.
    public static let rebalanceInProgress = KafkaErrorCode(rawValue: 27)
    /// `INVALID_COMMIT_OFFSET_SIZE`.
    public static let invalidCommitOffsetSize = KafkaErrorCode(rawValue: 28)
    /// `TOPIC_AUTHORIZATION_FAILED`.
    public static let topicAuthorizationFailed = KafkaErrorCode(rawValue: 29)
    /// `GROUP_AUTHORIZATION_FAILED`.
    public static let groupAuthorizationFailed = KafkaErrorCode(rawValue: 30)
    /// `CLUSTER_AUTHORIZATION_FAILED`.
    public static let clusterAuthorizationFailed = KafkaErrorCode(rawValue: 31)
    /// `INVALID_TIMESTAMP`.
    public static let invalidTimestamp = KafkaErrorCode(rawValue: 32)
    /// `UNSUPPORTED_SASL_MECHANISM`.
    public static let unsupportedSaslMechanism = KafkaErrorCode(rawValue: 33)
    /// `ILLEGAL_SASL_STATE`.
    public static let illegalSaslState = KafkaErrorCode(rawValue: 34)
    /// `UNSUPPORTED_VERSION`.
    public static let unsupportedVersion = KafkaErrorCode(rawValue: 35)
    /// `TOPIC_ALREADY_EXISTS`.
    public static let topicAlreadyExists = KafkaErrorCode(rawValue: 36)
    /// `INVALID_PARTITIONS`.
    public static let invalidPartitions = KafkaErrorCode(rawValue: 37)
    /// `INVALID_REPLICATION_FACTOR`.
    public static let invalidReplicationFactor = KafkaErrorCode(rawValue: 38)
    /// `INVALID_REPLICA_ASSIGNMENT`.
    public static let invalidReplicaAssignment = KafkaErrorCode(rawValue: 39)
    /// `INVALID_CONFIG`.
    public static let invalidConfig = KafkaErrorCode(rawValue: 40)
    /// `NOT_CONTROLLER`.
    public static let notController = KafkaErrorCode(rawValue: 41)
    /// `INVALID_REQUEST`.
    public static let invalidRequest = KafkaErrorCode(rawValue: 42)
    /// `UNSUPPORTED_FOR_MESSAGE_FORMAT`.
    public static let unsupportedForMessageFormat = KafkaErrorCode(rawValue: 43)
    /// `POLICY_VIOLATION`.
    public static let policyViolation = KafkaErrorCode(rawValue: 44)
    /// `OUT_OF_ORDER_SEQUENCE_NUMBER`.
    public static let outOfOrderSequenceNumber = KafkaErrorCode(rawValue: 45)
    /// `DUPLICATE_SEQUENCE_NUMBER`.
    public static let duplicateSequenceNumber = KafkaErrorCode(rawValue: 46)
    /// `INVALID_PRODUCER_EPOCH`.
    public static let invalidProducerEpoch = KafkaErrorCode(rawValue: 47)
    /// `INVALID_TXN_STATE`.
    public static let invalidTransactionState = KafkaErrorCode(rawValue: 48)
    /// `INVALID_PRODUCER_ID_MAPPING`.
    public static let invalidProducerIdMapping = KafkaErrorCode(rawValue: 49)
    /// `INVALID_TRANSACTION_TIMEOUT`.
    public static let invalidTransactionTimeout = KafkaErrorCode(rawValue: 50)
    /// `CONCURRENT_TRANSACTIONS`.
    public static let concurrentTransactions = KafkaErrorCode(rawValue: 51)
    /// `TRANSACTION_COORDINATOR_FENCED`.
    public static let transactionCoordinatorFenced = KafkaErrorCode(rawValue: 52)
    /// `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`.
    public static let transactionalIdAuthorizationFailed = KafkaErrorCode(rawValue: 53)
    /// `SECURITY_DISABLED`.
    public static let securityDisabled = KafkaErrorCode(rawValue: 54)
    /// `OPERATION_NOT_ATTEMPTED`.
    public static let operationNotAttempted = KafkaErrorCode(rawValue: 55)
    /// `KAFKA_STORAGE_ERROR`.
    public static let kafkaStorageError = KafkaErrorCode(rawValue: 56)
    /// `LOG_DIR_NOT_FOUND`.
    public static let logDirNotFound = KafkaErrorCode(rawValue: 57)
    /// `SASL_AUTHENTICATION_FAILED`.
    public static let saslAuthenticationFailed = KafkaErrorCode(rawValue: 58)
    /// `UNKNOWN_PRODUCER_ID`.
    public static let unknownProducerId = KafkaErrorCode(rawValue: 59)
    /// `REASSIGNMENT_IN_PROGRESS`.
    public static let reassignmentInProgress = KafkaErrorCode(rawValue: 60)
    /// `DELEGATION_TOKEN_AUTH_DISABLED`.
    public static let delegationTokenAuthDisabled = KafkaErrorCode(rawValue: 61)
    /// `DELEGATION_TOKEN_NOT_FOUND`.
    public static let delegationTokenNotFound = KafkaErrorCode(rawValue: 62)
    /// `DELEGATION_TOKEN_OWNER_MISMATCH`.
    public static let delegationTokenOwnerMismatch = KafkaErrorCode(rawValue: 63)
    /// `DELEGATION_TOKEN_REQUEST_NOT_ALLOWED`.
    public static let delegationTokenRequestNotAllowed = KafkaErrorCode(rawValue: 64)
    /// `DELEGATION_TOKEN_AUTHORIZATION_FAILED`.
    public static let delegationTokenAuthorizationFailed = KafkaErrorCode(rawValue: 65)
    /// `DELEGATION_TOKEN_EXPIRED`.
    public static let delegationTokenExpired = KafkaErrorCode(rawValue: 66)
    /// `INVALID_PRINCIPAL_TYPE`.
    public static let invalidPrincipalType = KafkaErrorCode(rawValue: 67)
    /// `NON_EMPTY_GROUP`.
    public static let nonEmptyGroup = KafkaErrorCode(rawValue: 68)
    /// `GROUP_ID_NOT_FOUND`.
    public static let groupIdNotFound = KafkaErrorCode(rawValue: 69)
    /// `FETCH_SESSION_ID_NOT_FOUND`.
    public static let fetchSessionIdNotFound = KafkaErrorCode(rawValue: 70)
    /// `INVALID_FETCH_SESSION_EPOCH`.
    public static let invalidFetchSessionEpoch = KafkaErrorCode(rawValue: 71)
    /// `LISTENER_NOT_FOUND`.
    public static let listenerNotFound = KafkaErrorCode(rawValue: 72)
    /// `TOPIC_DELETION_DISABLED`.
    public static let topicDeletionDisabled = KafkaErrorCode(rawValue: 73)
    /// `FENCED_LEADER_EPOCH`.
    public static let fencedLeaderEpoch = KafkaErrorCode(rawValue: 74)
    /// `UNKNOWN_LEADER_EPOCH`.
    public static let unknownLeaderEpoch = KafkaErrorCode(rawValue: 75)
    /// `UNSUPPORTED_COMPRESSION_TYPE`.
    public static let unsupportedCompressionType = KafkaErrorCode(rawValue: 76)
    /// `STALE_BROKER_EPOCH`.
    public static let staleBrokerEpoch = KafkaErrorCode(rawValue: 77)
    /// `OFFSET_NOT_AVAILABLE`.
    public static let offsetNotAvailable = KafkaErrorCode(rawValue: 78)
    /// `MEMBER_ID_REQUIRED`.
    public static let memberIdRequired = KafkaErrorCode(rawValue: 79)
    /// `PREFERRED_LEADER_NOT_AVAILABLE`.
    public static let preferredLeaderNotAvailable = KafkaErrorCode(rawValue: 80)
    /// `GROUP_MAX_SIZE_REACHED`.
    public static let groupMaxSizeReached = KafkaErrorCode(rawValue: 81)
    /// `FENCED_INSTANCE_ID`.
    public static let fencedInstanceId = KafkaErrorCode(rawValue: 82)
    /// `ELIGIBLE_LEADERS_NOT_AVAILABLE`.
    public static let eligibleLeadersNotAvailable = KafkaErrorCode(rawValue: 83)
    /// `ELECTION_NOT_NEEDED`.
    public static let electionNotNeeded = KafkaErrorCode(rawValue: 84)
    /// `NO_REASSIGNMENT_IN_PROGRESS`.
    public static let noReassignmentInProgress = KafkaErrorCode(rawValue: 85)
    /// `GROUP_SUBSCRIBED_TO_TOPIC`.
    public static let groupSubscribedToTopic = KafkaErrorCode(rawValue: 86)
    /// `INVALID_RECORD`.
    public static let invalidRecord = KafkaErrorCode(rawValue: 87)
    /// `UNSTABLE_OFFSET_COMMIT`.
    public static let unstableOffsetCommit = KafkaErrorCode(rawValue: 88)
    /// `THROTTLING_QUOTA_EXCEEDED`.
    public static let throttlingQuotaExceeded = KafkaErrorCode(rawValue: 89)
    /// `PRODUCER_FENCED`.
    public static let producerFenced = KafkaErrorCode(rawValue: 90)
    /// `RESOURCE_NOT_FOUND`.
    public static let resourceNotFound = KafkaErrorCode(rawValue: 91)
    /// `DUPLICATE_RESOURCE`.
    public static let duplicateResource = KafkaErrorCode(rawValue: 92)
    /// `UNACCEPTABLE_CREDENTIAL`.
    public static let unacceptableCredential = KafkaErrorCode(rawValue: 93)
    /// `INCONSISTENT_VOTER_SET`.
    public static let inconsistentVoterSet = KafkaErrorCode(rawValue: 94)
    /// `INVALID_UPDATE_VERSION`.
    public static let invalidUpdateVersion = KafkaErrorCode(rawValue: 95)
    /// `FEATURE_UPDATE_FAILED`.
    public static let featureUpdateFailed = KafkaErrorCode(rawValue: 96)
    /// `PRINCIPAL_DESERIALIZATION_FAILURE`.
    public static let principalDeserializationFailure = KafkaErrorCode(rawValue: 97)
}
