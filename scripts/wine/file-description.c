/* Prints what Windows shows about a program: file-description.exe PROGRAM */
#include <stdio.h>
#include <windows.h>

static int print_text(const void *info, const char *name) {
  char path[100];
  char *text;
  UINT length;
  snprintf(path, sizeof path, "\\StringFileInfo\\040904b0\\%s", name);
  if (!VerQueryValueA(info, path, (void **)&text, &length) || length == 0) return 0;
  printf("%s: %s\n", name, text);
  return 1;
}

int main(int count, char **arguments) {
  static char info[65536];
  VS_FIXEDFILEINFO *fixed;
  UINT length;
  if (count != 2 || !GetFileVersionInfoA(arguments[1], 0, sizeof info, info)) return 1;
  if (!VerQueryValueA(info, "\\", (void **)&fixed, &length)) return 1;
  printf("%u.%u.%u\n", HIWORD(fixed->dwFileVersionMS), LOWORD(fixed->dwFileVersionMS), HIWORD(fixed->dwFileVersionLS));
  return print_text(info, "FileDescription") && print_text(info, "CompanyName") && print_text(info, "ProductVersion") ? 0 : 1;
}
