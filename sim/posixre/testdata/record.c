// record answers on standard output each line "FLAGS<TAB>PATTERN<TAB>TEXT" of standard input with what glibc has for it:
// the offsets of the match and its subexpressions, "-" for none, or "E " and regerror's words. FLAGS are of E, i, n.
//
//	gcc -o record record.c && cut -f1-3 regcomp.txt | ./record | paste <(cut -f1-3 regcomp.txt) - > new
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
int main(){ char *line=0; size_t n=0; while(getline(&line,&n,stdin)>0){ line[strcspn(line,"\n")]=0; char *f=strtok(line,"\t"); char*p=strtok(0,"\t"); char *t=strtok(0,"\t"); if(!t)t="";
 regex_t r; int fl=0; if(strchr(f,'E'))fl|=REG_EXTENDED; if(strchr(f,'i'))fl|=REG_ICASE; if(strchr(f,'n'))fl|=REG_NEWLINE;
 int e=regcomp(&r,p,fl); char b[200]; if(e){regerror(e,&r,b,200);printf("E %s\n",b);continue;}
 regmatch_t m[10]; if(regexec(&r,t,10,m,0)){printf("-\n");regfree(&r);continue;}
 for(int i=0;i<=r.re_nsub&&i<10;i++)printf("%d,%d ",(int)m[i].rm_so,(int)m[i].rm_eo);printf("\n");regfree(&r);} }
