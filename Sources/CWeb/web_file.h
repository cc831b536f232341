// A row of the table in web.c, which includes this once for each FILE.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
{TEXT(FILE), (const unsigned char[]){
#embed TEXT(../../Web/FILE)
}, sizeof (const unsigned char[]){
#embed TEXT(../../Web/FILE)
}},
#pragma clang diagnostic pop
#undef FILE
