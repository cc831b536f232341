#include "version.h"

const char *const pix2pix_commit = PIX2PIX_COMMIT;
