# Values of unbalanced.json by R: Rscript unbalanced.R (in the folder of unbalanced.csv)
suppressMessages({library(lmerTest); library(jsonlite)})
X <- read.csv("unbalanced.csv", stringsAsFactors=TRUE); P <- droplevels(X[complete.cases(X[, c("score_technician","score_dl")]),]); P$d <- P$score_dl - P$score_technician
fit <- function(f, data) suppressMessages(lmer(f, data=data, REML=TRUE, control=lmerControl(optimizer="bobyqa", optCtrl=list(maxfun=2e5, rhoend=1e-10), calc.derivs=FALSE)))
vc <- function(m) { v <- as.data.frame(VarCorr(m)); as.list(setNames(v$vcov, v$grp)) }
row <- function(m, term) { r <- coef(summary(m))[term,]; list(estimate=r[["Estimate"]], se=r[["Std. Error"]], df=r[["df"]], p=r[["Pr(>|t|)"]], loglik=as.numeric(logLik(m)), variances=vc(m)) }
out <- list(mixed_difference=row(fit(d ~ 1 + (1|reader) + (1|exam), P), "(Intercept)"))
L <- rbind(data.frame(X[,c("reader","group","exam","position")], source="technician", score=X$score_technician), data.frame(X[,c("reader","group","exam","position")], source="dl", score=X$score_dl))
L <- L[!is.na(L$score),]; L$source <- factor(L$source, levels=c("technician","dl")); L$re <- interaction(L$reader, L$exam, drop=TRUE); L$rs <- interaction(L$reader,L$source,drop=TRUE); L$es <- interaction(L$exam,L$source,drop=TRUE)
out$both_scores <- row(fit(score ~ source + (1|reader) + (1|exam) + (1|re) + (1|rs) + (1|es), L), "sourcedl")
a <- anova(fit(d ~ group + (1|reader) + (1|exam), P)); out$group_by_arm <- list(f=a$`F value`[1], df=c(a$NumDF[1], a$DenDF[1]), p=a$`Pr(>F)`[1])
one <- P[!duplicated(P$exam),]; out$one_reader_an_exam <- row(fit(d ~ 1 + (1|reader), one), "(Intercept)")
# a set in which the exams do not matter: its variance is estimated at 0 (isSingular)
Z <- P; Z$d <- round(P$d - ave(P$d, P$exam)) + as.integer(Z$reader) %% 3; m <- fit(d ~ 1 + (1|reader) + (1|exam), Z); out$exam_at_zero <- c(row(m, "(Intercept)"), list(d=Z$d, singular=isSingular(m)))
out$blups <- as.list(setNames(ranef(fit(d ~ 1 + (1|reader) + (1|exam), P))$reader[,1], levels(P$reader)))
out$versions <- c(R=R.version.string, lme4=as.character(packageVersion("lme4")), lmerTest=as.character(packageVersion("lmerTest")))
# the split plot for any missing pattern, as statistics.md row 5 (reference.R, or_split), with its rules for readers without or with one common exam
or_split <- function(P, y="d") { covs <- c(); for (g in levels(P$group)) { W <- tapply(P[P$group==g, y], droplevels(P[P$group==g, c("reader","exam")]), mean)
    for (i in seq_len(nrow(W)-1)) for (k in (i+1):nrow(W)) { ok <- !is.na(W[i,]) & !is.na(W[k,]); nc <- sum(ok); covs <- c(covs, cov(W[i,ok], W[k,ok])*nc/(sum(!is.na(W[i,]))*sum(!is.na(W[k,])))) } }
  f <- tapply(P[[y]], P$reader, mean); gr <- P$group[match(names(f), P$reader)]; Jg <- table(gr); MS <- sum((f - ave(f, gr))^2)/(length(f)-length(Jg))
  cv <- mean(covs); Jt <- sum(Jg^2)/sum(Jg); num <- MS + Jt*max(cv,0); est <- mean(f); se <- sqrt(num/length(f)); df <- num^2/(MS^2/(length(f)-length(Jg)))
  list(estimate=est, se=se, df=df, p=2*pt(-abs(est/se),df), ms=MS, cov=cv, jt=Jt) }
out$or_split_plot <- or_split(P); out$or_technician <- or_split(P, "score_technician")
write(toJSON(out, digits=NA, auto_unbox=TRUE, pretty=TRUE), "unbalanced.json")
