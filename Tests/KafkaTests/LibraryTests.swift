import Testing

@testable import Kafka

@Suite struct LibraryTests {
    @Test func theLoadedVersionWorks() throws {
        try KafkaLibrary.checkVersion()
        #expect(KafkaLibrary.version >= KafkaLibrary.minimumVersion)
    }

    @Test(arguments: [
        (0x0200_02ff as UInt32, "2.0.2", true), (0x0200_01ff, "2.0.1", false), (0x0109_02ff, "1.9.2", false),
        (0x0203_00ff, "2.3.0", true), (0x0210_0000, "2.16.0", true), (0x0300_00ff, "3.0.0", true),
    ])
    func versionsAreRead(_ number: UInt32, _ text: String, _ isEnough: Bool) {
        let version = KafkaLibraryVersion(number: number)
        #expect(version.description == text)
        #expect((version >= KafkaLibrary.minimumVersion) == isEnough)
        if isEnough {
            #expect(throws: Never.self) { try KafkaLibrary.check(version) }
        } else {
            #expect(throws: KafkaVersionError(found: version)) { try KafkaLibrary.check(version) }
            #expect("\(KafkaVersionError(found: version))" == "librdkafka 2.0.2 or newer is needed, \(text) is loaded")
        }
    }

    @Test(arguments: [("2.0.2", true), ("2.6.0", true), ("2.6.1", false), ("2.16.0", false)])
    func brokenSCRAM(_ text: String, _ isBroken: Bool) {
        let parts = text.split(separator: ".").compactMap { Int($0) }
        let version = KafkaLibraryVersion(major: parts[0], minor: parts[1], revision: parts[2])
        #expect(version.hasBrokenSCRAM == isBroken)
    }

    @Test func newerVersionsGetTheShortQueueBackoff() {
        let old = KafkaConfiguration.consumerDefaults(of: KafkaLibraryVersion(major: 2, minor: 0, revision: 2))
        let new = KafkaConfiguration.consumerDefaults(of: KafkaLibraryVersion(major: 2, minor: 3, revision: 0))
        #expect(old["fetch.queue.backoff.ms"] == nil)
        #expect(new["fetch.queue.backoff.ms"] == "10")
    }

    @Test func codesBearTheLibrarysNames() {
        #expect(KafkaErrorCode.noOffset.name == "_NO_OFFSET")
        #expect(KafkaErrorCode.offsetMetadataTooLarge.name == "OFFSET_METADATA_TOO_LARGE")
        #expect(KafkaErrorCode.fencedInstanceId.rawValue == 82)
        #expect(KafkaErrorCode.noOffset.isLocal)
        #expect(!KafkaErrorCode.illegalGeneration.isLocal)
        #expect(!KafkaErrorCode.unknown.isLocal)
        #expect(KafkaErrorCode(rawValue: 9_999).name.contains("9999"))
        #expect(KafkaError(.noOffset).description.hasPrefix("_NO_OFFSET: "))
    }

    @Test func recordsAreMadeWithoutABroker() {
        let record = KafkaRecord(
            topic: "t", partition: 1, offset: 2, key: [1, 2], value: nil,
            headers: [KafkaHeader(name: "ab", text: "c"), KafkaHeader(name: "d", value: nil)])
        #expect(record.byteCount == 6)
        #expect(record.timestamp == -1)
        #expect(
            KafkaRecord(topic: "t", partition: 1, offset: 2, value: [])
                != KafkaRecord(topic: "t", partition: 1, offset: 2))
    }
}
