/// The names of the members that the decoder reads, as UTF-8: in the envelope (CloudEvents JSON event format 1.0.2,
/// section 2) and in the data.
enum MemberName {
    static let data = Array("data".utf8)
    static let id = Array("id".utf8)
    static let type = Array("type".utf8)
    static let time = Array("time".utf8)
    static let source = Array("source".utf8)
    static let subject = Array("subject".utf8)
    static let specVersion = Array("specversion".utf8)
    static let dataBase64 = Array("data_base64".utf8)
    static let dataContentType = Array("datacontenttype".utf8)
    static let contract = Array("acme_contract_id".utf8)
    static let account = Array("account".utf8)
    static let reason = Array("reason".utf8)
    static let detectedAt = Array("detected_at".utf8)
    static let reportedBy = Array("reported_by".utf8)
}
