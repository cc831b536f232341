// The commit that the program was built from, "" where the build was not told it.
extern const char *const pix2pix_commit;
