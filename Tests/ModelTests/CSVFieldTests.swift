import Model
import Testing

@Suite struct CSVFieldTests {
  @Test(arguments: [
    ("no disk", "no disk"), ("no disk, no end", #""no disk, no end""#), (#"a "b""#, #""a ""b""""#), ("", ""),
    (#"""#, #""""""#), ("a\nb", "\"a\nb\""), ("a\r\nb", "\"a\r\nb\""),
  ]) func quotes(_ text: String, _ field: String) {
    #expect(CSVField.quoted(text) == field)
    #expect(CSVField.unquoted(field) == text)
  }
}
