#ifndef WEB_H
#define WEB_H

/// A file of Web/ as it was when the program was built.
struct WebFile {
  /// Its path in Web/.
  const char *name;
  const unsigned char *bytes;
  long size;
};

/// An embedded file by its number from 0; NULL behind the last.
const struct WebFile *webFile(long number);

#endif
