internal import JSON
internal import RevokeModel

/// Writes events as records. Pure; usable on any thread.
public enum EventEncoder {
    /// Makes the record of an event.
    public static func encode(_ event: OutgoingEvent, mode: OutgoingEvent.Mode) -> RecordContent {
        var writer = JSONWriter()
        var headers: [RecordHeader] = []
        switch mode {
        case .binary:
            headers.append(RecordHeader(name: HeaderName.contentType, text: "application/json"))
            for (name, text) in attributes(event) {
                headers.append(RecordHeader(name: "ce_" + name, text: text))
            }
            writeData(event, &writer)
        case .structured:
            headers.append(RecordHeader(name: HeaderName.contentType, text: "application/cloudevents+json"))
            writer.beginObject()
            for (name, text) in attributes(event) { writer.member(name, text) }
            writer.member("datacontenttype", "application/json")
            writer.key("data")
            writeData(event, &writer)
            writer.endObject()
        }
        return RecordContent(key: Array(event.contract.description.utf8), value: writer.bytes, headers: headers)
    }

    private static func attributes(_ event: OutgoingEvent) -> [(name: String, text: String)] {
        var attributes = [
            (name: "specversion", text: "1.0"), (name: "id", text: event.id), (name: "source", text: event.source),
            (name: "type", text: EventDecoder.eventType), (name: "subject", text: event.contract.description),
        ]
        if let time = event.time { attributes.append((name: "time", text: RFC3339.text(time))) }
        if let traceParent = event.traceParent { attributes.append((name: "traceparent", text: traceParent)) }
        return attributes
    }

    private static func writeData(_ event: OutgoingEvent, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("acme_contract_id", event.contract.value)
        if let account = event.account { writer.member("account", account) }
        if let reason = event.reason { writer.member("reason", reason) }
        if let detectedAt = event.detectedAt { writer.member("detected_at", RFC3339.text(detectedAt)) }
        if let reportedBy = event.reportedBy { writer.member("reported_by", reportedBy) }
        writer.endObject()
    }
}
