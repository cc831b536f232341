// A row of the table in kernels.c, which includes this once for each FILE.
{TEXT(FILE), (const char[]){
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
#embed TEXT(../../Kernels/FILE) suffix(, 0)
#pragma clang diagnostic pop
}},
#undef FILE
