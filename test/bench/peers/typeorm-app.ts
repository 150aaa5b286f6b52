// What one writes first: a Nest controller that saves the candidate and an outbox row in one transaction.
import 'reflect-metadata';
import { Body, Controller, Get, HttpCode, Module, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IsEmail, IsObject, IsOptional, IsString, IsUrl } from 'class-validator';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { uuidv7 } from 'uuidv7';

@Entity('candidate')
class Candidate {
  @PrimaryColumn('text')
  id!: string;

  @Column('jsonb')
  data!: object;
}

@Entity('outbox')
class OutboxRow {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('jsonb')
  body!: object;
}

class CandidateDto {
  @IsString()
  candidate_id!: string;

  @IsString()
  first_name!: string;

  @IsString()
  last_name!: string;

  @IsOptional()
  @IsEmail()
  email?: string;

  @IsOptional()
  @IsString()
  phone?: string;

  @IsOptional()
  @IsString()
  headline?: string;

  @IsOptional()
  @IsString()
  location?: string;

  @IsOptional()
  @IsUrl()
  linkedin_url?: string;

  @IsOptional()
  @IsString({ each: true })
  skills?: string[];

  @IsOptional()
  @IsObject()
  custom_fields?: object;
}

const source = new DataSource({
  type: 'postgres',
  url: process.env.BENCH_DATABASE_URL ?? '',
  entities: [Candidate, OutboxRow],
  synchronize: true,
  poolSize: 16,
});

@Controller()
class CandidatesController {
  @Get()
  ready(): string {
    return 'ready';
  }

  @Post('v1/candidates')
  @HttpCode(202)
  async create(@Body() candidate: CandidateDto): Promise<{ reference_id: string }> {
    const id = uuidv7();
    await source.transaction(async (manager) => {
      await manager.save(Candidate, { id: candidate.candidate_id, data: candidate });
      await manager.save(OutboxRow, { id, body: { reference_id: id, data: candidate } });
    });
    return { reference_id: id };
  }
}

@Module({ controllers: [CandidatesController] })
class AppModule {}

async function main(): Promise<void> {
  await source.initialize();
  const app = await NestFactory.create(AppModule, { logger: false });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  await app.listen(Number(process.env.PORT), process.env.HOST ?? '');
}

void main();
