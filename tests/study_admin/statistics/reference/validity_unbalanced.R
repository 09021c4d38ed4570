# Values of validity_unbalanced.json by R: Rscript validity_unbalanced.R (in the folder of unbalanced.csv).
# The formulas are those of the frozen reference values (reference.R, sections 11 to 13).
suppressMessages({library(lmerTest); library(jsonlite)})
X <- read.csv("unbalanced.csv", stringsAsFactors=TRUE); P <- droplevels(X[complete.cases(X[, c("score_technician","score_dl")]),]); P$d <- P$score_dl - P$score_technician
fit <- function(f, data) suppressMessages(lmer(f, data=data, REML=TRUE, control=lmerControl(optimizer="bobyqa", optCtrl=list(maxfun=2e5, rhoend=1e-10), calc.derivs=FALSE)))
row <- function(m, term) as.list(coef(summary(m))[term,])
vc <- function(m) { v <- as.data.frame(VarCorr(m)); as.list(setNames(v$vcov, v$grp)) }
out <- list()
P$s <- ifelse(P$side_of_technician=="A",1,-1); P$pc <- P$position-mean(P$position); ms <- fit(d ~ s + pc + (1|reader)+(1|exam), P)
out$side_and_order <- list(source_effect=row(ms,"(Intercept)"), side_coef=row(ms,"s"), position_slope=row(ms,"pc"), n_technician_A=sum(P$s==1))
L <- rbind(data.frame(X[,c("reader","exam","position")], source="technician", score=X$score_technician), data.frame(X[,c("reader","exam","position")], source="dl", score=X$score_dl))
L <- L[!is.na(L$score),]; L$source <- factor(L$source, levels=c("technician","dl")); L$re <- interaction(L$reader, L$exam, drop=TRUE); L$rs <- interaction(L$reader,L$source,drop=TRUE); L$es <- interaction(L$exam,L$source,drop=TRUE)
L$pc <- L$position-mean(L$position); mo <- fit(score ~ source*pc + (1|reader)+(1|exam)+(1|re)+(1|rs)+(1|es), L); out$learning <- list(pc=row(mo,"pc"), apart=row(mo,"sourcedl:pc"))
P$mean_score <- (P$score_technician+P$score_dl)/2; P <- P[order(P$reader,P$position),]; before <- function(v) ave(v, P$reader, FUN=function(v) c(NA,head(v,-1))); P$prev <- before(P$d); P$prevm <- before(P$mean_score)
out$carry_over <- list(previous_difference=row(fit(d ~ prev + (1|reader)+(1|exam), P[!is.na(P$prev),]),"prev"), previous_mean_on_mean=row(fit(mean_score ~ prevm + (1|reader)+(1|exam), P[!is.na(P$prevm),]),"prevm"))
S <- X[!is.na(X$seconds),]; mt <- fit(log(seconds) ~ I(position-1) + (1|reader)+(1|exam), S)
out$seconds <- list(n=nrow(S), geometric_mean=exp(mean(log(S$seconds))), log_slope_per_position=row(mt,2), fitted_first=exp(fixef(mt)[[1]]))
ge <- tapply(P$mean_score,P$group,mean); raw <- tapply(P$mean_score,P$reader,mean); ml <- fit(mean_score ~ group + (1|reader)+(1|exam), P); bl <- ranef(ml)$reader
rs <- sapply(levels(P$reader), function(r) sd(c(P$score_technician[P$reader==r],P$score_dl[P$reader==r]))); P$dz <- P$d/rs[as.character(P$reader)]
out$readers <- list(leniency_raw=as.list(raw - ge[as.character(P$group[match(names(raw),P$reader)])]), leniency_blup=as.list(setNames(bl[,1],rownames(bl))), z_scored=row(fit(dz ~ 1 + (1|reader)+(1|exam), P),"(Intercept)"))
names(out$readers$leniency_raw) <- names(raw)
out$pooled_icc_variances <- lapply(c(technician="score_technician", dl="score_dl"), function(s) vc(fit(as.formula(paste(s,"~ 1 + (1|exam)+(1|reader)")), P)))
# limits of agreement by moments (iMRMC's laWRBM for any pattern): sums of squares readers first, set to their expectations
rss <- function(m) { M <- diag(nrow(P)) - tcrossprod(qr.Q(qr(m))[,seq_len(qr(m)$rank)]); Z <- function(f) model.matrix(~ 0 + f); c(sum(diag(M %*% tcrossprod(Z(P$reader)))), sum(diag(M %*% tcrossprod(Z(P$exam)))), nrow(P)-qr(m)$rank, sum((M %*% P$d)^2)) }
one <- rss(matrix(1,nrow(P),1)); re <- rss(model.matrix(~ reader, P)); both <- rss(model.matrix(~ reader + exam, P)); K <- rbind(one-re, re-both, both); v <- sum(solve(K[,1:3]) %*% K[,4])
out$limits_by_moments <- mean(P$d) + c(-1,1)*qnorm(.975)*sqrt(v)
sl <- fit(d ~ mean_score + (1|reader)+(1|exam), P); out$slope <- row(sl,"mean_score")
out$versions <- c(R=R.version.string, lme4=as.character(packageVersion("lme4")), lmerTest=as.character(packageVersion("lmerTest")))
write(toJSON(out, digits=NA, auto_unbox=TRUE, pretty=TRUE), "validity_unbalanced.json")
