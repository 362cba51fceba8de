/// Why a record is not a `revoke-credentials` event. The raw value is the reason in the dead letter's header
/// `revoke-dlq-reason`.
public enum DecodingFailure: String, Error, CaseIterable, Hashable, Sendable {
    /// The value is null.
    case tombstone
    /// The value has no bytes.
    case emptyValue = "empty_value"
    /// The value is over the size limit.
    case tooLarge = "too_large"
    /// The value begins with a byte order mark.
    case byteOrderMark = "byte_order_mark"
    /// The value is UTF-16 or UTF-32.
    case utf16 = "utf16"
    /// The value is compressed (gzip).
    case gzip
    /// The value begins with a schema registry's prefix (0x00) and `accept-registry-prefix` is off.
    case registryPrefix = "registry_prefix"
    /// The value is not UTF-8.
    case notUTF8 = "not_utf8"
    /// The value is not JSON by the grammar of RFC 8259.
    case notJSON = "not_json"
    /// The value holds a second JSON document after the first.
    case trailingDocument = "trailing_document"
    /// The JSON text is nested deeper than the limit.
    case tooDeep = "too_deep"
    /// The envelope or the data is not a JSON object.
    case notAnObject = "not_an_object"
    /// A key stands twice in the envelope or in the data.
    case duplicateKey = "duplicate_key"
    /// A `ce_*`, `content-type` or `revoke-dlq-*` header stands twice with different values.
    case duplicateHeader = "duplicate_header"
    /// A `ce_id`, `ce_source`, `ce_specversion`, `ce_type`, `content-type` or `revoke-dlq-*` header is null.
    case nullHeader = "null_header"
    /// A `ce_*`, `content-type` or `revoke-dlq-*` header is not UTF-8.
    case headerNotUTF8 = "header_not_utf8"
    /// Attribute headers begin with `ce-` or `CE_` and not with `ce_`.
    case wrongHeaderPrefix = "wrong_header_prefix"
    /// The content type is `application/cloudevents-batch`.
    case batch
    /// The content type is neither JSON nor `application/cloudevents+json`.
    case contentType = "content_type"
    /// The member `data_base64` is not base64 text with its padding, or stands beside `data`.
    case dataBase64 = "data_base64"
    /// The attribute `datacontenttype` is not JSON.
    case dataContentType = "data_content_type"
    /// The record has neither attribute headers nor an envelope.
    case notACloudEvent = "not_a_cloud_event"
    /// The attribute `specversion` is missing or not `1.0`.
    case specVersion = "spec_version"
    /// The attribute `id` is missing, empty, not a string, or holds U+0000 or a lone surrogate.
    case idMissing = "id_missing"
    /// The attribute `source` is missing, empty, not a string, or holds U+0000 or a lone surrogate.
    case sourceMissing = "source_missing"
    /// The attribute `type` is missing, empty, not a string, or holds U+0000 or a lone surrogate.
    case typeMissing = "type_missing"
    /// The attribute `type` is not `revoke-credentials`.
    case unknownType = "unknown_type"
    /// The envelope has neither `data` nor `data_base64`, or what it has is null or empty.
    case dataMissing = "data_missing"
    /// The data has no `acme_contract_id`.
    case contractMissing = "contract_missing"
    /// `acme_contract_id` is null.
    case contractNull = "contract_null"
    /// `acme_contract_id` is a string.
    case contractString = "contract_string"
    /// `acme_contract_id` is a number with a fraction or an exponent.
    case contractFloat = "contract_float"
    /// `acme_contract_id` is a boolean.
    case contractBoolean = "contract_boolean"
    /// `acme_contract_id` is an array or an object.
    case contractNotANumber = "contract_not_a_number"
    /// `acme_contract_id` is 0 or -0.
    case contractZero = "contract_zero"
    /// `acme_contract_id` is negative.
    case contractNegative = "contract_negative"
    /// `acme_contract_id` is above 2^53 − 1.
    case contractTooLarge = "contract_too_large"
    /// `account` is null, empty, not a string, or holds U+0000 or a lone surrogate.
    case accountInvalid = "account_invalid"
}
